"""`rota doctor` tells every secret of the gateway that cannot be used where it runs."""

from pathlib import Path

import pytest

from rota.fleet_file import FleetFile
from rota.hooks.spec import Scheme
from schedules.fleet import Fleet
from tests.deliveries import SECRETS
from tests.fleets import declared
from workers.gateway_checks import check_gateway

GOOD = {
    "TOKEN": "a-long-random-token",
    "LINKS": "another-long-random-text",
    "OPS": "one-more-long-random-text",
    "HOOK": SECRETS[Scheme.GITHUB],
    "SHOP": SECRETS[Scheme.STANDARD],
}


def office() -> Fleet:
    """A fleet whose gateway has a secret of each kind."""
    hook = {"scheme": "github", "secrets": ["env:HOOK"]}
    gateway = {
        "token": "env:TOKEN",
        "url": "https://rota.example.com",
        "links": {"secret": "env:LINKS"},
        "decode": {"readers": {"ops": "env:OPS"}},
        "events": {"orders.created": {"secrets": ["env:SHOP"]}},
    }
    file = FleetFile.model_validate({"name": "office", "gateway": gateway})
    return Fleet("office", Path(), {"triage": declared("triage", hook=hook)}, {}, file)


@pytest.mark.parametrize("value", [None, "tiny-7"], ids=["missing", "short"])
@pytest.mark.parametrize(
    ("name", "where", "cure"),
    [
        ("TOKEN", "gateway.token of fleet.yaml", "does not start without it"),
        ("LINKS", "gateway.links of fleet.yaml", "where the workers run that send links"),
        ("OPS", "gateway.decode.readers.ops of fleet.yaml", "does not start without it"),
        ("HOOK", "agents/triage.yaml: hook.secrets[0]", "does not start without it"),
        ("SHOP", "fleet.yaml: gateway.events.orders.created.secrets[0]", "does not start"),
    ],
)
def test_secret_that_cannot_be_used_is_told_with_its_place(
    name: str, where: str, cure: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By file and key, with what to do; never with its value."""
    for good, text in GOOD.items():
        monkeypatch.setenv(good, text)
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    (check,) = check_gateway(office(), runs_here=True)
    assert not check.ok
    assert check.found.startswith(where)
    assert cure in check.cure
    assert value is None or value not in check.found


def test_all_that_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway itself stops at the first, and would be started five times."""
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    assert [check.ok for check in check_gateway(office(), runs_here=True)] == [False] * 5


def test_what_is_well_is_one_line_and_what_is_not_declared_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Most fleets have no gateway."""
    for name, text in GOOD.items():
        monkeypatch.setenv(name, text)
    (check,) = check_gateway(office(), runs_here=True)
    assert check.ok
    assert [check] == check_gateway(office(), runs_here=False)
    assert check.found == "its secrets can be used here (5), for https://rota.example.com"
    assert (
        check_gateway(Fleet("quiet", Path(), {"quiet": declared("quiet")}, {}), runs_here=True)
        == []
    )


def test_worker_need_not_have_what_the_gateway_alone_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no gateway runs it is a note; but for the links' secret, which workers use, too."""
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    links, note = check_gateway(office(), runs_here=False)
    assert (links.ok, note.ok) == (False, True)
    assert links.found.startswith("gateway.links of fleet.yaml")
    assert note.found.startswith("4 of its 5 secrets are not here")


@pytest.mark.parametrize("name", sorted({*GOOD} - {"LINKS"}))
def test_secret_that_is_here_and_cannot_be_used_is_wrong_on_any_machine(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was put there, so it was meant to be used: the gateway would refuse it elsewhere, too."""
    for good in GOOD:
        monkeypatch.delenv(good, raising=False)
    monkeypatch.setenv("LINKS", GOOD["LINKS"])
    monkeypatch.setenv(name, "tiny-7")
    wrong, note = check_gateway(office(), runs_here=False)
    assert (wrong.ok, note.ok) == (False, True)
    assert name.lower() in wrong.found.lower()
    assert note.found.startswith("3 of its 5")
