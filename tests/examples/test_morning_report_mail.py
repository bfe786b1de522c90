"""The mail against a real SMTP server: its content, and how often it goes out."""

from concurrent.futures import ThreadPoolExecutor
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import pytest

from rota.tools import Effect, ToolError
from tests.examples.morning import Office, html_of, mail_server, module, read_mail, text_of
from workers.devserver import free_port


@pytest.fixture
def mailbox(tmp_path: Path) -> Any:
    """An empty mailbox."""
    return module("smtp_server").Mailbox(tmp_path / "mails")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """The tools, with a report ready to be sent."""
    office = Office(tmp_path)
    office.input["report"] = office.report()
    return office


def test_mail_holds_the_report_in_two_forms_and_an_id_of_its_key(
    office: Office, mailbox: Any
) -> None:
    """What was rendered is what arrives, under a Message-ID that derives from the key."""
    office.input["recipients"] = ["finance@nordlicht.example", '"Lorenz, Anna" <al@n.example>']
    with mail_server(mailbox) as office.input["smtp"]:
        sent = office.call("mail.send", key="0f" * 32)
    (mail,) = [read_mail(path) for path in mailbox.mails]
    report = office.input["report"]
    assert mail["Subject"] == report["subject"]
    assert mail["Message-ID"] == sent["message_id"] == f"<{'0f' * 20}@nordlicht.example>"
    assert mail["Date"]
    assert text_of(mail).split() == report["text"].split()
    assert html_of(mail).split() == report["html"].split()
    addresses = [address for _, address in getaddresses([mail["To"]])]
    assert addresses == ["finance@nordlicht.example", "al@n.example"]


def test_mail_with_a_key_that_was_sent_is_not_sent_again(office: Office, mailbox: Any) -> None:
    """The repeat is told so; another key is another mail."""
    with mail_server(mailbox) as office.input["smtp"]:
        first = office.call("mail.send", key="a")
        again = office.call("mail.send", key="a")
        office.call("mail.send", key="b")
    assert (first["sent_before"], again["sent_before"]) == (False, True)
    assert first["message_id"] == again["message_id"]
    assert mailbox.offered == 2


def test_mail_that_was_refused_can_be_sent_with_the_same_key(office: Office, mailbox: Any) -> None:
    """A refusal leaves the key free, and the server's words reach the caller."""
    mailbox.refuse = 1
    with mail_server(mailbox) as office.input["smtp"]:
        with pytest.raises(ToolError, match=r"refused: 451 4\.3\.0 out of disk space"):
            office.call("mail.send")
        assert office.call("mail.send")["sent_before"] is False
    assert len(mailbox.mails) == 1


def test_mail_without_a_server_is_a_clear_refusal(office: Office, mailbox: Any) -> None:
    """Nobody listens: nothing went out, and later it can."""
    office.input["smtp"] = f"127.0.0.1:{free_port()}"
    with pytest.raises(ToolError, match=r"no mail server at 127\.0\.0\.1:\d+ .* start one"):
        office.call("mail.send")
    with mail_server(mailbox) as office.input["smtp"]:
        office.call("mail.send")
    assert len(mailbox.mails) == 1


def test_mail_sent_by_many_at_once_goes_out_once(office: Office, mailbox: Any) -> None:
    """Of eight callers with one key one sends; the others send nothing, whatever they learn."""

    def send(_: int) -> bool:
        try:
            return not office.call("mail.send")["sent_before"]
        except module("morning_outbox").UnknownOutcomeError:
            return False  # it came while the first was still at work

    with mail_server(mailbox) as office.input["smtp"], ThreadPoolExecutor(8) as pool:
        senders = list(pool.map(send, range(8)))
    assert sum(senders) == 1
    assert mailbox.offered == 1


def test_mail_with_one_refused_recipient_goes_to_nobody(office: Office, tmp_path: Path) -> None:
    """All recipients or none, so that a repeat reaches nobody twice."""

    class Picky(module("smtp_server").Mailbox):
        async def handle_RCPT(
            self, server: Any, session: Any, envelope: Any, address: str, options: Any
        ) -> str:
            if address.startswith("gone@"):
                return "550 5.1.1 no such mailbox"
            envelope.rcpt_tos.append(address)
            return "250 fine"

    mailbox = Picky(tmp_path / "mails")
    office.input["recipients"] = ["finance@nordlicht.example", "gone@nordlicht.example"]
    refused = pytest.raises(ToolError, match=r"refused: 550 5\.1\.1 no such mailbox")
    with mail_server(mailbox) as office.input["smtp"], refused:
        office.call("mail.send")
    assert mailbox.offered == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"report": {"text": "All is well."}}, "not one that report.render made"),
        ({"report": "the mail server refused"}, "not one that report.render made"),
        ({"recipients": []}, "set the inputs 'sender' and 'recipients'"),
        ({"recipients": ["a@b.example\nBcc: c@d.example"]}, "not a mail"),
        ({"smtp": "localhost"}, "write host:port"),
        ({"smtp": "env:NOWHERE"}, "smtp: env:NOWHERE is not set"),
        ({"smtp": "env:MAIL"}, r"no mail server at 127\.0\.0\.1:1 "),
    ],
)
def test_mail_from_a_wrong_input_is_refused(office: Office, change: Any, message: str) -> None:
    """Nothing is sent, and the refusal says what to set."""
    office.input |= change
    with pytest.raises(ToolError, match=message):
        office.call("mail.send")


def test_mail_of_a_report_whose_figures_were_changed_is_refused(
    office: Office, mailbox: Any
) -> None:
    """A figure that a model copied wrong does not reach anybody."""
    report = office.input["report"]
    office.input["report"] = {**report, "text": report["text"].replace("4,196,276.72", "9.99")}
    refused = pytest.raises(ToolError, match="it was changed since")
    with mail_server(mailbox) as office.input["smtp"], refused:
        office.call("mail.send")
    assert mailbox.offered == 0


def test_alarm_rung_twice_leaves_one_word_with_the_reasons(office: Office) -> None:
    """One note per key; it says what became of both nodes."""
    office.input |= {"report": "succeeded: ", "email": "failed: 451"}
    assert office.call("alarm.ring") == office.call("alarm.ring")
    (note,) = (office.folder / "alarms").iterdir()
    assert "email: failed: 451" in note.read_text(encoding="utf-8")


def test_tools_that_reach_outside_are_of_the_right_class(office: Office) -> None:
    """A mail cannot be looked up afterwards, so it is never repeated blindly."""
    assert {tool.name: tool.effect for tool in office.tools.values()} == {
        "report.figures": Effect.READ,
        "report.render": Effect.READ,
        "mail.send": Effect.WRITE,
        "alarm.ring": Effect.IDEMPOTENT,
    }
    assert not office.tools["mail.send"].schema.parameters.get("properties")
