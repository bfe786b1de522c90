"""Hands one mail to an SMTP server, and knows three ends: accepted, refused, unknown."""

import smtplib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses, localtime, parseaddr
from typing import Any

SECONDS = 10.0
"""For each answer of the server; all of a mail's together stay below the tool's timeout."""


class MailRefusedError(Exception):
    """The mail has certainly not gone out; the message says why."""


class MailUnknownError(Exception):
    """The connection was lost after the text of the mail was sent: it may have gone out."""


def message(
    report: Mapping[str, Any], *, sender: str, recipients: Sequence[str], message_id: str
) -> EmailMessage:
    """Put a report into a mail of two forms, plain text and HTML.

    Raises:
        ValueError: a header has a line break in it.
    """
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = str(report["subject"])
    mail["Date"] = localtime()
    mail["Message-ID"] = message_id
    mail.set_content(str(report["text"]))
    mail.add_alternative(str(report["html"]), subtype="html")
    return mail


def message_id_of(key: str, sender: str) -> str:
    """Return the id of the mail with this idempotency key: a repeat has the same one."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{key[:40]}@{domain}>"


def hand_over(mail: EmailMessage, *, host: str, port: int) -> None:
    """Send `mail` to all of its recipients, or to none.

    Raises:
        MailRefusedError: no server, or it refused the sender, a recipient or the text.
        MailUnknownError: the connection broke after the text had begun to leave.
    """
    try:
        server = smtplib.SMTP(host, port, timeout=SECONDS)
    except (OSError, smtplib.SMTPException) as error:
        raise MailRefusedError(f"no mail server at {host}:{port} ({error}): start one") from error
    try:
        _envelope(server, mail)
        _text(server, mail)
        with suppress(OSError, smtplib.SMTPException):
            # Polite only: the mail has been accepted, whatever becomes of the connection.
            server.quit()
    finally:
        server.close()


def _envelope(server: smtplib.SMTP, mail: EmailMessage) -> None:
    recipients = [address for _, address in getaddresses([str(mail["To"])])]
    try:
        server.ehlo_or_helo_if_needed()
        _accepted(server.mail(parseaddr(str(mail["From"]))[1]))
        for recipient in recipients:
            _accepted(server.rcpt(recipient))
    except (OSError, smtplib.SMTPException) as error:
        # Nothing of the text has left: a broken connection is as clear as a refusal here.
        raise MailRefusedError(f"the mail server broke off: {error}") from error


def _text(server: smtplib.SMTP, mail: EmailMessage) -> None:
    try:
        answer = server.data(mail.as_bytes(policy=SMTP))
    except smtplib.SMTPDataError as error:
        # It did not even want to hear the text.
        _accepted((error.smtp_code, error.smtp_error))
        return
    except (OSError, smtplib.SMTPException) as error:
        raise MailUnknownError(
            f"the connection was lost while {mail['Message-ID']} was handed over ({error}): it may "
            "have gone out"
        ) from error
    _accepted(answer)


def _accepted(answer: tuple[int, bytes | str]) -> None:
    code, text = answer
    if not 200 <= code < 300:
        words = text.decode(errors="replace") if isinstance(text, bytes) else text
        raise MailRefusedError(f"the mail server refused: {code} {words}")
