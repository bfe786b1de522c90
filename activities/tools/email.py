"""`email.send`: hand one message to the fleet's mail server.

Nobody can ask whether it was taken (`activities.providers.mail`). So it is a `write`, never
repeated by itself; its Message-ID is made of the call's key, in case a person has it sent again.
"""

from typing import Annotated, Any
from unicodedata import category

from pydantic import Field

from activities.providers.mail import MailRefusedError, deliver, look_at, mail_of
from activities.providers.markers import marker_of
from rota.connections import EmailConnection
from rota.tools import Effect, ToolContext, ToolError, tool

MAX_RECIPIENTS = 50
MAX_TEXT = 1_000_000
"""Characters of a message."""

_NO_SIGN = "Cs"
"""Category of half a character, which no mail can hold."""
_NO_LINE = ("Cc", "Zl", "Zp", _NO_SIGN)
"""Categories of what ends a line or steers a terminal: there are more ends of a line than
carriage return and line feed, and mail's headers hold none of them."""

Address = Annotated[str, Field(pattern=r"^[^\s@<>,;:\"()\\\[\]]{1,64}@[A-Za-z0-9.-]{1,190}$")]


@tool(name="email.send", effect=Effect.WRITE, timeout="5m", connection="email", outward=True)
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
    _check(connection, to, subject, text)
    marker = marker_of(context.idempotency_key)
    message = mail_of(connection, to, subject, text, marker=marker)
    try:
        refused = deliver(connection, context.secrets, to, message)
    except MailRefusedError as error:
        raise ToolError(str(error)) from None
    return {"message_id": message["Message-ID"], "refused": refused}


def _check(connection: EmailConnection, to: list[str], subject: str, text: str) -> None:
    """Refuse what would become another header, is no mail, or would go where it must not.

    Now, while it is sure that nothing was sent.

    Raises:
        ToolError: says what.
    """
    if any(category(sign) in _NO_LINE for sign in subject):
        raise ToolError("the subject must be one line without control characters")
    if any(category(sign) == _NO_SIGN for sign in text):
        raise ToolError("the text has signs that are no characters (lone surrogates)")
    allowed = [entry.lower() for entry in connection.to_allow]
    for address in to if allowed else ():
        _, at, domain = address.lower().rpartition("@")
        if address.lower() not in allowed and f"{at}{domain}" not in allowed:
            raise ToolError(f"{address} may not be written to; allowed: {', '.join(allowed)}")


def probe(context: ToolContext) -> str:
    """Log in and leave, without a mail; returns what was found. Blocks.

    Raises:
        StepError: the tool would not get in either.
    """
    connection = context.connections.email
    assert connection is not None
    return look_at(connection, context.secrets)
