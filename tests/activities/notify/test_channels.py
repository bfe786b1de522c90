"""Messages on real sockets: what receivers get, what failures say, what stays secret."""

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.notify.means import Means
from activities.notify.open import PROBES, SENDERS
from activities.notify.slack import MOST_TEXT, escaped, text_of
from rota.connections import Connections
from rota.failures import FailureCategory, StepError
from rota.notices.facts import Channel, Message, channels_of
from rota.notices.spec import NotifySpec, Occasion
from tests.fakes.hook_receiver import HookReceiver
from tests.fakes.mail_server import Mailbox, mail_server
from tests.rota.notices.notice_desk import fact, message
from workers.devserver import free_port

OLD = "whsec_" + base64.b64encode(b"o" * 32).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    """A receiver that takes everything."""
    with HookReceiver() as receiver:
        yield receiver


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server that takes everything."""
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
async def means() -> AsyncIterator[Means]:
    """What a worker without mail sends with."""
    means = Means(Connections())
    yield means
    await means.calls.aclose()


def secret(folder: Path, name: str, value: str) -> str:
    """A reference to a secret in a file."""
    (folder / name).write_text(value + "\n")
    return f"file:{folder / name}"


def channel(**spec: Any) -> Channel:
    """The only channel of a declaration."""
    (found,) = channels_of(NotifySpec.model_validate(spec), "rota")
    return found


async def send(means: Means, to: Channel, what: Message) -> str:
    """Send as the activity does."""
    return await SENDERS[to.kind](means, to, what)


async def refusal(means: Means, to: Channel) -> StepError:
    """Send what is not taken."""
    with pytest.raises(StepError) as caught:
        await send(means, to, message(fact("report-1")))
    return caught.value


async def test_slack_gets_one_line_with_what_why_and_what_to_do(
    means: Means, receiver: HookReceiver, tmp_path: Path
) -> None:
    """Nothing but text, in the form that Slack's webhooks take."""
    told = fact("report-1", todo="rota show report-1", links={"run": "https://ui/x"})
    to = channel(slack=secret(tmp_path, "hook", receiver.url))
    assert await send(means, to, message(told)) == ""
    (got,) = receiver.taken
    assert got.body == {
        "text": "failed · report-1 · it broke\n    → `rota show report-1`\n    run: https://ui/x"
    }


async def test_slack_text_of_a_stranger_calls_nobody_and_hides_no_link(
    means: Means, receiver: HookReceiver, tmp_path: Path
) -> None:
    """Signs of markup are escaped, lines joined, names of people and of everybody broken."""
    reason = (
        "<!channel> <https://evil|bank> & @here\n\n*done*\u202e @Channel @ann a@example.com "
        "[bank](https://evil)"
    )
    to = channel(slack=secret(tmp_path, "hook", receiver.url))
    await send(means, to, message(fact("report-1", reason=reason)))
    text = receiver.taken[0].body["text"]
    assert "&lt;!channel&gt; &lt;https://evil|bank&gt; &amp; @\u200bhere *done*" in text
    assert "\u202e" not in text
    assert "@\u200bChannel @\u200bann a@example.com [bank]\u200b(https://evil)" in text


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("@bob", True),
        ("_@bob_", True),
        ("__@bob__", True),
        ("(@bob)", True),
        ("first_last@example.com", False),
        ("1@example.com", False),
    ],
)
def test_slack_text_calls_nobody_behind_any_sign(text: str, calls: bool) -> None:
    """A name is broken also where it is set in italics; an address of mail stays whole."""
    assert ("@\u200b" in escaped(text)) is calls


async def test_slack_gets_twenty_lines_and_the_rest_as_a_number(
    means: Means, receiver: HookReceiver, tmp_path: Path
) -> None:
    """A burst is readable."""
    facts = [fact(f"report-{number}") for number in range(25)]
    to = channel(slack=secret(tmp_path, "hook", receiver.url))
    await send(means, to, message(*facts, omitted={Occasion.BLOCKED: 3}))
    first, *lines, last = receiver.taken[0].body["text"].splitlines()
    assert first == "*28 facts: 25 failed, 3 blocked*"
    assert len(lines) == 20
    assert last == "and 8 more: 5 failed, 3 blocked; 'rota runs' lists runs"


@pytest.mark.parametrize("reason", ["it broke & burned " * 28, "&" * 500, "x" * 500])
@pytest.mark.parametrize("count", [1, 2, 20])
def test_slack_message_is_never_longer_than_its_strictest_reader_takes(
    reason: str, count: int
) -> None:
    """What there is no room for is counted; every link that fits stays whole."""
    links = {f"page{number}": f"https://ui/{number}/{'y' * 480}" for number in range(5)}
    facts = [fact(f"report-{n}", reason=reason, links=links, todo="rota x") for n in range(count)]
    text = text_of(message(*facts, omitted={Occasion.BLOCKED: 3}))
    told = text.count("•")
    assert len(text) <= MOST_TEXT
    assert told >= 1
    assert f"and {count - told + 3} more" in text
    assert "y" * 480 in text
    assert text.count("page") == text.count("y" * 480)


async def test_webhook_is_signed_with_each_secret_over_the_very_bytes(
    means: Means, receiver: HookReceiver, tmp_path: Path
) -> None:
    """A receiver that knows either secret takes it; one that knows another does not."""
    references = [secret(tmp_path, "new", NEW), secret(tmp_path, "old", OLD)]
    to = channel(webhook={"url": receiver.url, "secret": references})
    await send(means, to, message(fact("räport-1"), omitted={Occasion.PARKED: 2}))
    (got,) = receiver.taken
    assert got.is_signed_with(NEW)
    assert got.is_signed_with(OLD)
    assert not got.is_signed_with("whsec_" + base64.b64encode(b"x" * 32).decode())
    assert got.headers["content-type"] == "application/json"
    assert got.id == "msg_0123456789"
    assert got.body["type"] == "rota.notification"
    data = got.body["data"]
    assert (data["text"], data["omitted"]) == ("3 facts: 2 parked, 1 failed", {"parked": 2})
    (told,) = data["facts"]
    assert told["id"] == "räport-1/failed"
    assert (told["agent"], told["run"], told["occasion"]) == ("report", "räport-1", "failed")


async def test_webhook_without_a_usable_secret_sends_nothing(
    means: Means, receiver: HookReceiver, tmp_path: Path
) -> None:
    """An unsigned message would teach receivers to take anything."""
    to = channel(webhook={"url": receiver.url, "secret": secret(tmp_path, "bad", "hunter2")})
    error = await refusal(means, to)
    assert error.category is FailureCategory.AUTH
    assert "hunter2" not in str(error)
    missing = channel(webhook={"url": receiver.url, "secret": f"file:{tmp_path / 'none'}"})
    assert "No such file" in str(await refusal(means, missing))
    assert receiver.taken == []


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (404, FailureCategory.INVALID_REQUEST),
        (410, FailureCategory.INVALID_REQUEST),
        (302, FailureCategory.INVALID_REQUEST),
        (403, FailureCategory.AUTH),
        (429, FailureCategory.RATE_LIMITED),
        (503, FailureCategory.OVERLOADED),
    ],
)
async def test_refusal_is_classified_and_shows_nothing_of_the_address_but_its_host(
    means: Means, receiver: HookReceiver, tmp_path: Path, status: int, category: FailureCategory
) -> None:
    """The path of such a URL is a password; a redirect is not followed."""
    receiver.status, receiver.text = status, f"no {receiver.url} here"
    receiver.headers = {"retry-after": "7", "location": "http://127.0.0.1:1/"}
    error = await refusal(means, channel(slack=secret(tmp_path, "hook", receiver.url)))
    assert error.category is category
    assert "hidden-part" not in str(error)
    assert (error.retry_after is not None) is category.retryable
    assert receiver.refused == 1


async def test_lost_answer_is_an_open_question_and_retryable(
    means: Means, receiver: HookReceiver, tmp_path: Path
) -> None:
    """It may have been taken: the next attempt has the same id."""
    receiver.loses_answers = True
    to = channel(webhook={"url": receiver.url, "secret": secret(tmp_path, "new", NEW)})
    error = await refusal(means, to)
    assert (error.category.retryable, error.maybe_billed) == (True, True)


async def test_mail_has_an_id_and_a_date_that_are_the_messages(mailbox: Mailbox) -> None:
    """Sent twice, most mail programs show it once."""
    means = Means(connections(mailbox))
    to = channel(email=["b@example.com", "a@example.com"])
    what = message(fact("report-1", todo="rota show report-1"), fact("report-2"))
    for _ in range(2):
        assert await send(means, to, what) == ""
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"] == "<rota.msg_0123456789@example.com>"
    assert first["Date"] == second["Date"]
    assert first["Subject"] == "[rota] 2 facts: 2 failed"
    assert first["Auto-Submitted"] == "auto-generated"
    assert mailbox.recipients[0] == ["a@example.com", "b@example.com"]
    assert first.get_content().replace("\r\n", "\n") == (
        "failed · report-1 · it broke\n    → rota show report-1\n\nfailed · report-2 · it broke\n"
    )


async def test_mail_that_one_recipient_does_not_get_is_sent_and_says_so(mailbox: Mailbox) -> None:
    """Repeating it would send it to the others again."""
    mailbox.refused = "b@example.com"
    to = channel(email=["a@example.com", "b@example.com"])
    note = await send(Means(connections(mailbox)), to, message(fact("report-1")))
    assert note == "refused: b@example.com"
    nobody = channel(email=["b@example.com"])
    error = await refusal(Means(connections(mailbox)), nobody)
    assert not error.category.retryable


async def test_mail_without_a_server_says_what_to_write(means: Means) -> None:
    """`rota validate` says it first."""
    error = await refusal(means, channel(email=["a@example.com"]))
    assert "fleet.yaml" in str(error)


async def test_probes_look_at_every_kind_of_channel_and_send_nothing(
    receiver: HookReceiver, mailbox: Mailbox, tmp_path: Path
) -> None:
    """Secrets are there, hosts answer, the mail server lets one in."""
    means = Means(connections(mailbox))
    hook = {"url": receiver.url, "secret": [secret(tmp_path, "new", NEW)]}
    spec = {"slack": secret(tmp_path, "hook", receiver.url), "email": ["a@example.com"]}
    found = [
        await PROBES[each.kind](means, each)
        for each in channels_of(NotifySpec.model_validate({**spec, "webhook": hook}), "rota")
    ]
    assert "its host answers" in found[0]
    assert "1 secret to sign with" in found[1]
    assert "nobody logs in" in found[2]
    assert (receiver.taken, receiver.refused, mailbox.mails) == ([], 0, [])
    await means.calls.aclose()


async def test_probe_of_a_host_that_is_gone_says_so(means: Means, tmp_path: Path) -> None:
    """Without the path of its URL."""
    url = f"http://127.0.0.1:{free_port()}/hidden-part"
    to = channel(slack=secret(tmp_path, "hook", url))
    with pytest.raises(StepError, match="cannot be connected to") as caught:
        await PROBES[to.kind](means, to)
    assert "hidden-part" not in str(caught.value)
    broken = channel(slack=secret(tmp_path, "broken", "hidden-part"))
    with pytest.raises(StepError, match=r"holds no http\(s\) URL") as caught:
        await PROBES[broken.kind](means, broken)
    assert "hidden-part" not in str(caught.value)


def test_channel_names_nothing_secret_and_equal_declarations_make_one() -> None:
    """What stands in histories, ids and tables."""
    hook = {"url": "https://host.example:8443/very/hidden?key=1", "secret": "env:HOOK"}
    assert channel(webhook=hook).label == "webhook host.example:8443"
    assert channel(slack="env:SLACK").label == "slack env:SLACK"
    mail = channel(email=["c@x.org", "a@x.org", "b@x.org"])
    assert mail.label == "email a@x.org, b@x.org and 1 more"
    assert mail.digest == channel(email=["a@x.org", "b@x.org", "c@x.org", "a@x.org"]).digest
    rotated = {**hook, "secret": ["env:NEW", "env:HOOK"]}
    assert channel(webhook=rotated).digest != channel(webhook=hook).digest


def connections(mailbox: Mailbox) -> Connections:
    """Those of a fleet with a mail server."""
    block = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "from": "r@example.com"}
    return Connections.model_validate({"email": block})
