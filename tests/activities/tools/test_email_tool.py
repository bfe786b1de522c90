"""`email.send` against a real SMTP server: what arrives, what is refused, what stays open."""

from collections.abc import Iterator
from typing import Any

import pytest

from activities.providers.markers import marker_of
from activities.tools.call import ArgumentsError
from activities.tools.email import send
from rota.failures import FailureCategory, StepError
from rota.tools import Effect, ToolContext, ToolError
from tests.activities.tools.calling import call, context
from tests.fakes.mail_server import Mailbox, mail_server
from workers.devserver import free_port


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A server that takes everything."""
    with mail_server() as mailbox:
        yield mailbox


def at(mailbox: Mailbox, **block: Any) -> ToolContext:
    """The context of a fleet that declares it."""
    own = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "from": "r@example.com"}
    return context(email={**own, **block}, secrets={"env:SMTP": "hush-hush"})


async def mail(context: ToolContext, **args: Any) -> Any:
    """Call the tool."""
    given = {"to": ["a@example.com"], "subject": "Report", "text": "All well.\n", **args}
    return await call(send, context, **given)


async def test_mail_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    """Any sign and any length of line, any blank in the subject; its id derives from the key."""
    text = "Grüße €\n.\nFrom here\n" + "x" * 2000 + "\n"
    sent = await mail(
        at(mailbox), to=["a@example.com", "b@example.org"], subject="Ü\u3000" * 100, text=text
    )
    (message,) = mailbox.mails
    # Lines end on the wire as RFC 5322 has them.
    assert message.get_content().replace("\r\n", "\n") == text
    assert message["Subject"] == "Ü\u3000" * 100
    assert message["From"] == "r@example.com"
    assert message["To"] == "a@example.com, b@example.org"
    assert mailbox.recipients == [["a@example.com", "b@example.org"]]
    expected = f"<rota.{marker_of('key-1')}@example.com>"
    assert message["Message-ID"] == sent["message_id"] == expected
    assert sent["refused"] == []
    assert send.effect is Effect.WRITE


async def test_refused_recipient_is_named_and_the_others_get_the_mail(mailbox: Mailbox) -> None:
    """One wrong address does not keep it from the rest; if all are wrong, nothing was sent."""
    mailbox.refused = "b@example.com"
    sent = await mail(at(mailbox), to=["a@example.com", "b@example.com"])
    assert sent["refused"] == ["b@example.com"]
    with pytest.raises(ToolError, match=r"refused b@example\.com: 550 no such"):
        await mail(at(mailbox), to=["b@example.com"])
    assert mailbox.recipients == [["a@example.com"]]


@pytest.mark.parametrize(
    "args",
    [
        {"subject": "x\r\nBcc: evil@example.org"},
        {"subject": "x\nBcc: evil@example.org"},
        {"subject": "x\x00"},
        {"subject": "x\x1cBcc: evil@example.org"},
        {"subject": "x\x85Bcc: evil@example.org"},
        {"subject": "x\u2028Bcc: evil@example.org"},
        {"subject": "x\u2029"},
        {"subject": "x\ud800"},
        {"text": "x\ud800"},
        {"to": ["a@example.com\r\nBcc: evil@example.org"]},
        {"to": ["a@example.com, evil@example.org"]},
        {"to": ["<a@example.com>"]},
        {"to": ['"a" <a@example.com>']},
        {"to": ["a"]},
        {"to": []},
        {"text": ""},
    ],
)
async def test_text_that_would_become_a_header_is_refused(
    mailbox: Mailbox, args: dict[str, Any]
) -> None:
    """No recipient and no header comes from anywhere but its own argument."""
    with pytest.raises((ToolError, ArgumentsError)):
        await mail(at(mailbox), **args)
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("to", "allowed"),
    [
        ("a@example.com", True),
        ("A@EXAMPLE.COM", True),
        ("boss@other.org", True),
        ("b@other.org", False),
        ("a@sub.example.com", False),
        ("a@notexample.com", False),
    ],
)
async def test_recipients_are_those_that_the_fleet_allows(
    mailbox: Mailbox, to: str, allowed: bool
) -> None:
    """Addresses, or whole domains without what is below them."""
    at_fleet = at(mailbox, to_allow=["@example.com", "Boss@other.org"])
    if allowed:
        await mail(at_fleet, to=[to])
    else:
        with pytest.raises(ToolError, match="may not be written to"):
            await mail(at_fleet, to=["a@example.com", to])
    assert bool(mailbox.mails) is allowed


async def test_connection_lost_after_the_text_leaves_open_whether_it_was_taken(
    mailbox: Mailbox,
) -> None:
    """The mail is there and nobody was told: not to be sent again blindly."""
    mailbox.answer = "cut"
    with pytest.raises(StepError) as lost:
        await mail(at(mailbox))
    assert lost.value.maybe_billed
    assert len(mailbox.mails) == 1


async def test_text_that_the_server_refuses_was_not_sent(mailbox: Mailbox) -> None:
    """Its words reach the model."""
    mailbox.answer = "554 looks like spam"
    with pytest.raises(ToolError, match="554 looks like spam"):
        await mail(at(mailbox))


async def test_server_out_of_reach_has_surely_not_sent_it(mailbox: Mailbox) -> None:
    """Known, so the model may try again."""
    with pytest.raises(StepError) as failed:
        await mail(at(mailbox, port=free_port()))
    assert failed.value.category is FailureCategory.TRANSIENT
    assert not failed.value.maybe_billed


async def test_server_without_encryption_is_refused_before_the_password(mailbox: Mailbox) -> None:
    """What `fleet.yaml` asks for is not given up for a server that lacks it."""
    block = {"security": "starttls", "user": "r", "password": "env:SMTP"}
    with pytest.raises(StepError, match=r"check email\.security") as failed:
        await mail(at(mailbox, **block))
    assert failed.value.category is FailureCategory.INVALID_REQUEST
    assert mailbox.mails == []
