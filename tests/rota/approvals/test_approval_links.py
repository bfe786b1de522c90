"""Who holds a link decides on that one request, in its time, as whom it says; nobody else does."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rota.approvals.links import (
    MOST_NAME,
    MOST_TOKEN,
    ApprovalLink,
    ApprovalLinks,
    AskedApproval,
    ExpiredError,
    ForgedError,
    LinkError,
    why_not_by,
)
from rota.approvals.requests import ApprovalRequest, OpenApproval
from rota.approvals.spec import ApprovalRule
from rota.hooks.gateway_spec import GatewaySpec
from rota.notices.spec import NotifySpec

T0 = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY, OTHER = b"a secret of the fleet's", b"a secret of somebody else"
DIGEST = "0123456789abcdef" * 4
LINKS = ApprovalLinks("https://rota.example.com/", "office", "prod", (KEY,))


def pending(**changes: Any) -> OpenApproval:
    """A payment that waits for an hour, asked for by pat."""
    rule = ApprovalRule(when="always", four_eyes=changes.pop("four_eyes", False))
    request = ApprovalRequest(
        tool="pay", digest=changes.pop("digest", DIGEST), key="pay", rule=rule
    )
    fields: dict[str, Any] = {
        "id": "a1",
        "requester": "pat",
        "since": T0,
        "until": T0 + HOUR,
        **changes,
    }
    return OpenApproval(request=request, **fields)


def token(links: ApprovalLinks = LINKS, by: str = "", run: str = "payer-1/node") -> str:
    """The last part of a link to it."""
    address = links.address(ApprovalLink.to(run, AskedApproval.of(pending()), by))
    assert address.startswith("https://rota.example.com/approve/")
    return address.rpartition("/")[2]


def signed(said: Any) -> str:
    """A token with a good signature over something else."""
    whole = token()
    payload = json.dumps(said).encode()
    signature = LINKS._sign(KEY, payload)
    texts = [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (payload, signature)]
    assert whole.count(".") == 1
    return ".".join(texts)


@pytest.mark.parametrize("by", ["", "kim", "kim@example.com", "Zoë 山田"])
@pytest.mark.parametrize("run", ["payer-1", "morning-2026-11-23T06:00:00Z/pay", "r?&#%/ü"])
def test_link_says_what_it_is_about(by: str, run: str) -> None:
    """Whatever run and person are called; in one part of a path."""
    link = LINKS.read(token(by=by, run=run), T0)
    assert (link.run, link.call, link.by) == (run, "a1", by)
    assert link.is_to(pending())
    assert set(token(by=by, run=run)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    )


@pytest.mark.parametrize(
    ("given", "at", "error"),
    [
        pytest.param(token(), T0 + HOUR, None, id="its last second"),
        pytest.param(token(), T0 + HOUR + timedelta(seconds=1), ExpiredError, id="expired"),
        pytest.param(token(replace(LINKS, keys=(OTHER,))), T0, ForgedError, id="other secret"),
        pytest.param(token(replace(LINKS, fleet="shop")), T0, ForgedError, id="other fleet"),
        pytest.param(token(replace(LINKS, namespace="test")), T0, ForgedError, id="namespace"),
        pytest.param("", T0, ForgedError, id="nothing"),
        pytest.param(".", T0, ForgedError, id="dot"),
        pytest.param(token().partition(".")[0], T0, ForgedError, id="no signature"),
        pytest.param(token().partition(".")[0] + ".", T0, ForgedError, id="empty signature"),
        pytest.param(token() + "A", T0, ForgedError, id="longer"),
        pytest.param(token()[:-1], T0, ForgedError, id="cut"),
        pytest.param(token().swapcase(), T0, ForgedError, id="other case"),
        pytest.param("ü" + token(), T0, ForgedError, id="beyond ASCII"),
        pytest.param("A" * MOST_TOKEN + "." + token(), T0, ForgedError, id="endless"),
        pytest.param(signed(["payer-1", "a1"]), T0, ForgedError, id="too little in it"),
        pytest.param(signed({"run": "payer-1"}), T0, ForgedError, id="something else"),
        pytest.param(signed(["r", "a1", "zz", "", 9e9]), T0, ForgedError, id="no digest"),
        pytest.param(
            signed(["r", "a1", DIGEST[:32], "k" * (MOST_NAME + 1), 9_000_000_000]),
            T0,
            ForgedError,
            id="nobody decides under such a name",
        ),
    ],
)
def test_link_counts_in_its_time_and_as_it_was_made(
    given: str, at: datetime, error: type[LinkError] | None
) -> None:
    """Anything else is told from it, and is nothing."""
    if error is None:
        assert LINKS.read(given, at).run == "payer-1/node"
    else:
        with pytest.raises(error):
            LINKS.read(given, at)


@given(st.data())
def test_link_of_which_any_sign_is_changed_is_none(data: st.DataObject) -> None:
    """Wherever, and into whatever."""
    whole = token(by="kim")
    place = data.draw(st.integers(0, len(whole) - 1))
    sign = data.draw(st.characters().filter(lambda sign: sign != whole[place]))
    with pytest.raises(ForgedError):
        LINKS.read(whole[:place] + sign + whole[place + 1 :], T0)


def test_address_that_gets_a_link_may_decide_by_it() -> None:
    """One that no decision may bear is refused where it is declared, not when somebody clicks."""
    longest = f"{'k' * 64}@{'e' * (MOST_NAME - 65)}"
    [to] = NotifySpec.model_validate({"on": ["parked"], "email": [longest]}).email
    assert LINKS.read(token(by=to), T0).by == longest
    with pytest.raises(ValidationError, match="is not an address"):
        NotifySpec.model_validate({"on": ["parked"], "email": [f"{longest}e"]})


def test_secret_is_exchanged_without_a_gap() -> None:
    """The first signs, and links of both count, until the old one goes."""
    both = replace(LINKS, keys=(OTHER, KEY))
    assert both.read(token(), T0) == LINKS.read(token(), T0)
    with pytest.raises(ForgedError):
        LINKS.read(token(both), T0)
    assert KEY.decode() not in repr(LINKS)


@pytest.mark.parametrize("changes", [{"id": "a2"}, {"digest": "f" + DIGEST[1:]}])
def test_link_is_to_one_request_alone(changes: dict[str, Any]) -> None:
    """Not to another call of the run, nor to the same one with other arguments."""
    link = LINKS.read(token(), T0)
    assert not link.is_to(pending(**changes))


def test_link_to_a_parked_request_lasts_as_long_as_that() -> None:
    """It waits on, and may be decided."""
    parked = pending(parked_until=T0 + 9 * HOUR)
    link = ApprovalLink.to("payer-1", AskedApproval.of(parked))
    assert link.until == (T0 + 9 * HOUR).timestamp()


@pytest.mark.parametrize(
    ("by", "named", "four_eyes", "requester", "told"),
    [
        ("kim", True, True, "pat", ""),
        ("kim", False, True, "pat", "have a link made that names you"),
        ("pat", True, True, "pat", "somebody else has to approve it"),
        (" PAT ", True, True, "pat", "somebody else has to approve it"),
        ("pat@example.com", True, True, "pat", "somebody else has to approve it"),
        ("pat", True, True, "pat@example.com", "somebody else has to approve it"),
        ("pat", True, False, "pat", ""),
        ("anybody", False, False, "pat", ""),
        ("kim", True, True, "", ""),
    ],
)
def test_four_eyes_are_two_people_however_they_are_written(
    by: str, named: bool, four_eyes: bool, requester: str, told: str
) -> None:
    """Who asked for the run does not approve by an address of theirs, or under any name."""
    found = why_not_by(by, pending(four_eyes=four_eyes, requester=requester), named=named)
    assert told in found
    assert bool(told) is bool(found)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://rota.example.com", ""),
        ("https://rota.example.com:8443/gate/", ""),
        ("http://127.0.0.1:8080", ""),
        ("http://localhost:8080", ""),
        ("http://[::1]:8080", ""),
        ("http://rota.example.com", "write https"),
        ("http://127.0.0.1.example.com", "write https"),
        ("https://user:word@rota.example.com", "write where people reach the gateway"),
        ("https://rota.example.com/?a=b", "write where people reach the gateway"),
        ("javascript://rota.example.com", "write where people reach the gateway"),
        (None, "links need url"),
    ],
)
def test_links_lead_to_an_address_that_keeps_them_secret(url: str | None, told: str) -> None:
    """Over TLS, unless they do not leave the machine."""
    given = {"links": {"secret": "env:LINKS"}, **({"url": url} if url else {})}
    if told:
        with pytest.raises(ValidationError, match=told):
            GatewaySpec.model_validate(given)
    else:
        spec = GatewaySpec.model_validate(given)
        assert spec.links is not None
        assert (spec.links.secret, spec.url) == (("env:LINKS",), (url or "").rstrip("/"))
