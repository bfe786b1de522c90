"""Messages as mail, by the server that `email` in fleet.yaml names.

The Message-ID is the message's: sent twice, most mail programs show it once.
"""

import asyncio

from activities.notify.means import Means
from activities.providers.mail import MailRefusedError, deliver, look_at, mail_of
from rota.connections import EmailConnection, undeclared
from rota.failures import FailureCategory, StepError
from rota.notices.facts import Channel, Message
from rota.notices.text import headline, one_line, plain

SUBJECT_LIMIT = 200


async def send(means: Means, channel: Channel, message: Message) -> str:
    """Deliver the message; returns which recipients were refused, if the others got it.

    Raises:
        StepError: nobody got it, or nobody knows.
    """
    connection = _connection(means)
    mail = mail_of(
        connection,
        channel.to,
        one_line(f"[rota] {headline(message)}", SUBJECT_LIMIT),
        plain(message),
        marker=message.id,
        at=message.at.timestamp(),
    )
    try:
        refused = await asyncio.to_thread(deliver, connection, means.secrets, channel.to, mail)
    except MailRefusedError as error:
        raise StepError(FailureCategory.REFUSED, str(error)) from None
    return f"refused: {', '.join(refused)}" if refused else ""


async def probe(means: Means, channel: Channel) -> str:
    """Log in and leave, without a mail."""
    return await asyncio.to_thread(look_at, _connection(means), means.secrets)


def _connection(means: Means) -> EmailConnection:
    connection = means.connections.email
    if connection is None:
        raise StepError(FailureCategory.INVALID_REQUEST, undeclared("notify.email", "email"))
    return connection
