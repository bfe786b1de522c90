"""Hand mail to the fleet's mail server: for the tool `email.send`, and for notifications.

SMTP cannot be asked whether a message was taken: a connection that is lost after the text
was sent leaves that open. Mail carries a Message-ID of its sender's making: sent again with
the same one, most mail programs show the two as one. Everything here blocks.
"""

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email import policy
from email.message import EmailMessage
from email.utils import formatdate

from activities.secrets import Secrets
from rota.connections import EmailConnection
from rota.failures import FailureCategory, StepError
from rota.tools import SecretReader


class MailRefusedError(Exception):
    """The server refused the message, its sender or every recipient: nothing was sent."""


def mail_of(
    connection: EmailConnection,
    to: Sequence[str],
    subject: str,
    text: str,
    *,
    marker: str,
    at: float | None = None,
) -> EmailMessage:
    """Make a message of plain text.

    Args:
        connection: Whose `from` it comes from.
        to: Addresses.
        subject: One line.
        text: Any signs, any length of line.
        marker: Makes the Message-ID: the same for every attempt.
        at: Its date, in seconds since 1970; None: now.
    """
    message = EmailMessage()
    message["From"] = connection.sender
    message["To"] = ", ".join(to)
    message["Subject"] = subject
    message["Date"] = formatdate(at)
    domain = connection.sender.partition("@")[2]
    message["Message-ID"] = f"<rota.{marker}@{domain}>"
    # What answering machines look at, so that they do not write back to a machine.
    message["Auto-Submitted"] = "auto-generated"
    # Any line length and any sign, through any server.
    message.set_content(text, cte="quoted-printable")
    return message


def deliver(
    connection: EmailConnection, secrets: SecretReader, to: Sequence[str], message: EmailMessage
) -> list[str]:
    """Deliver; returns the recipients that were refused.

    Raises:
        MailRefusedError: the server refused the message, or every recipient: nothing was sent.
        StepError: it cannot be reached or logged in to; `maybe_billed` if it may have the
            message all the same.
    """
    server = _let_in(connection, secrets)
    handed_over = False
    try:
        refused = _addressed(server, connection.sender, to)
        handed_over = True
        code, answer = server.data(message.as_bytes(policy=policy.SMTP))
    except smtplib.SMTPDataError as error:
        raise MailRefusedError(_words(error)) from None
    except (smtplib.SMTPException, OSError) as error:
        raise StepError(
            FailureCategory.TRANSIENT, _words(error), maybe_billed=handed_over
        ) from None
    finally:
        # The answer to the text is what counts; whether it says goodbye does not.
        _leave(server)
    if code != 250:
        raise MailRefusedError(f"the mail server refused the message: {code} {_said(answer)}")
    return refused


def look_at(connection: EmailConnection, secrets: SecretReader) -> str:
    """Log in and leave, without a mail; returns what was found.

    Raises:
        StepError: nobody who wants to deliver would get in either.
    """
    _leave(_let_in(connection, secrets))
    who = f"lets {connection.user} in" if connection.user else "answers; nobody logs in"
    return f"{connection.host}:{connection.port} {who}"


def _let_in(connection: EmailConnection, secrets: SecretReader) -> smtplib.SMTP:
    """Connect and log in.

    Raises:
        StepError: the server cannot be reached, or not logged in to.
    """
    try:
        return _connected(connection, secrets)
    except smtplib.SMTPAuthenticationError as error:
        raise StepError(FailureCategory.AUTH, _words(error, "; check email.password")) from None
    except (smtplib.SMTPNotSupportedError, ssl.SSLError) as error:
        raise StepError(
            FailureCategory.INVALID_REQUEST, _words(error, "; check email.security")
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        raise StepError(FailureCategory.TRANSIENT, _words(error)) from None


def _leave(server: smtplib.SMTP) -> None:
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    server.close()


def _connected(connection: EmailConnection, secrets: SecretReader) -> smtplib.SMTP:
    seconds = connection.timeout.total_seconds()
    encryption = ssl.create_default_context()
    server = (
        smtplib.SMTP_SSL(connection.host, connection.port, timeout=seconds, context=encryption)
        if connection.security == "tls"
        else smtplib.SMTP(connection.host, connection.port, timeout=seconds)
    )
    try:
        if connection.security == "starttls":
            server.starttls(context=encryption)
        if connection.user is not None and connection.password is not None:
            server.login(connection.user, _password(secrets, connection.password))
        server.ehlo_or_helo_if_needed()
    except BaseException:
        server.close()
        raise
    return server


def _password(secrets: SecretReader, reference: str) -> str:
    try:
        return secrets(reference)
    except LookupError as error:
        raise StepError(FailureCategory.AUTH, f"email.password: {error}") from error


def _addressed(server: smtplib.SMTP, sender: str, to: Sequence[str]) -> list[str]:
    """Name sender and recipients; returns those refused, and raises if that is all."""
    code, answer = server.mail(sender)
    if code != 250:
        raise MailRefusedError(f"the mail server refused the sender: {code} {_said(answer)}")
    answers = {address: server.rcpt(address) for address in to}
    refused = [address for address, (code, _) in answers.items() if code not in (250, 251)]
    if len(refused) == len(to):
        code, answer = answers[to[0]]
        raise MailRefusedError(f"the mail server refused {', '.join(to)}: {code} {_said(answer)}")
    return refused


def _said(answer: bytes) -> str:
    return Secrets().shortened(" ".join(answer.decode(errors="replace").split()), 300)


def _words(error: Exception, cure: str = "") -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        words = f"{error.smtp_code} {_said(said) if isinstance(said, bytes) else said}"
    else:
        words = f"{type(error).__name__}: {error}"
    return f"the mail server failed: {words}{cure}"
