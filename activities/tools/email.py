"""`email.send`: hand one message to the fleet's mail server.

SMTP cannot be asked whether a message was taken: a connection that is lost after the text
was sent leaves that open. So it is a `write`, never repeated by itself. Mail carries a
Message-ID made of the call's key: where a person has it sent again, most mail programs
show the two as one.
"""

import smtplib
import ssl
from contextlib import suppress
from email import policy
from email.message import EmailMessage
from email.utils import formatdate
from typing import Annotated, Any

from pydantic import Field

from activities.providers.markers import marker_of
from rota.connections import EmailConnection
from rota.failures import FailureCategory, StepError
from rota.tools import Effect, ToolContext, ToolError, tool

MAX_RECIPIENTS = 50
MAX_TEXT = 1_000_000
"""Characters of a message."""

Address = Annotated[str, Field(pattern=r"^[^\s@<>,;:\"()\\\[\]]{1,64}@[A-Za-z0-9.-]{1,190}$")]


@tool(name="email.send", effect=Effect.WRITE, timeout="5m", connection="email")
def send(
    context: ToolContext,
    to: Annotated[list[Address], Field(min_length=1, max_length=MAX_RECIPIENTS)],
    subject: Annotated[str, Field(min_length=1, max_length=500)],
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)],
) -> dict[str, Any]:
    """Send an e-mail of plain text. It cannot be taken back, and is sent once only.

    Returns the message's id, and the recipients that the server refused.
    """
    connection = context.connections.email
    assert connection is not None
    _check(connection, to, subject)
    message = EmailMessage()
    message["From"] = connection.sender
    message["To"] = ", ".join(to)
    message["Subject"] = subject
    message["Date"] = formatdate()
    domain = connection.sender.partition("@")[2]
    message["Message-ID"] = f"<rota.{marker_of(context.idempotency_key)}@{domain}>"
    # What answering machines look at, so that they do not write back to a machine.
    message["Auto-Submitted"] = "auto-generated"
    # Any line length and any sign, through any server.
    message.set_content(text, cte="quoted-printable")
    refused = _deliver(context, connection, to, message)
    return {"message_id": message["Message-ID"], "refused": refused}


def _check(connection: EmailConnection, to: list[str], subject: str) -> None:
    """Refuse what would become another header, or go to somebody it must not.

    Raises:
        ToolError: says what.
    """
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in subject):
        raise ToolError("the subject must be one line without control characters")
    allowed = [entry.lower() for entry in connection.to_allow]
    for address in to if allowed else ():
        _, at, domain = address.lower().rpartition("@")
        if address.lower() not in allowed and f"{at}{domain}" not in allowed:
            raise ToolError(f"{address} may not be written to; allowed: {', '.join(allowed)}")


def _deliver(
    context: ToolContext, connection: EmailConnection, to: list[str], message: EmailMessage
) -> list[str]:
    """Deliver; returns the recipients that were refused.

    Raises:
        ToolError: the server refused the message, or every recipient: nothing was sent.
        StepError: it cannot be reached or logged in to; `maybe_billed` if it may have the
            message all the same.
    """
    server = _let_in(context, connection)
    handed_over = False
    try:
        refused = _addressed(server, connection.sender, to)
        handed_over = True
        code, answer = server.data(message.as_bytes(policy=policy.SMTP))
    except smtplib.SMTPDataError as error:
        raise ToolError(_words(error)) from None
    except (smtplib.SMTPException, OSError) as error:
        raise StepError(
            FailureCategory.TRANSIENT, _words(error), maybe_billed=handed_over
        ) from None
    finally:
        # The answer to the text is what counts; whether it says goodbye does not.
        _leave(server)
    if code != 250:
        raise ToolError(f"the mail server refused the message: {code} {_said(answer)}")
    return refused


def probe(context: ToolContext) -> str:
    """Log in and leave, without a mail; returns what was found. Blocks.

    Raises:
        StepError: the tool would not get in either.
    """
    connection = context.connections.email
    assert connection is not None
    _leave(_let_in(context, connection))
    who = f"lets {connection.user} in" if connection.user else "answers; nobody logs in"
    return f"{connection.host}:{connection.port} {who}"


def _let_in(context: ToolContext, connection: EmailConnection) -> smtplib.SMTP:
    """Connect and log in.

    Raises:
        StepError: the server cannot be reached, or not logged in to.
    """
    try:
        return _connected(context, connection)
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


def _connected(context: ToolContext, connection: EmailConnection) -> smtplib.SMTP:
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
            server.login(connection.user, _password(context, connection.password))
        server.ehlo_or_helo_if_needed()
    except BaseException:
        server.close()
        raise
    return server


def _password(context: ToolContext, reference: str) -> str:
    try:
        return context.secrets(reference)
    except LookupError as error:
        raise StepError(FailureCategory.AUTH, f"email.password: {error}") from error


def _addressed(server: smtplib.SMTP, sender: str, to: list[str]) -> list[str]:
    """Name sender and recipients; returns those refused, and raises if that is all."""
    code, answer = server.mail(sender)
    if code != 250:
        raise ToolError(f"the mail server refused the sender: {code} {_said(answer)}")
    answers = {address: server.rcpt(address) for address in to}
    refused = [address for address, (code, _) in answers.items() if code not in (250, 251)]
    if len(refused) == len(to):
        code, answer = answers[to[0]]
        raise ToolError(f"the mail server refused {', '.join(to)}: {code} {_said(answer)}")
    return refused


def _said(answer: bytes) -> str:
    return " ".join(answer.decode(errors="replace").split())[:300]


def _words(error: Exception, cure: str = "") -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        words = f"{error.smtp_code} {_said(said) if isinstance(said, bytes) else said}"
    else:
        words = f"{type(error).__name__}: {error}"
    return f"the mail server failed: {words}{cure}"
