"""A real SMTP server that keeps what it is given, and refuses what it is told to."""

import asyncio
import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from workers.devserver import free_port


class Mailbox:
    """What arrived, and what is refused. The names of its methods are aiosmtpd's."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.refused = ""
        """A recipient that is refused."""
        self.answer = "250 OK"
        """To the text of a message; "cut" takes it and cuts the connection."""
        self.port = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer in ("250 OK", "cut"):
            content = cast("bytes", envelope.content)
            message: Any = email.message_from_bytes(content, policy=email.policy.default)
            self.mails.append(message)
            self.recipients.append(list(envelope.rcpt_tos))
        if self.answer == "cut":
            cast("asyncio.WriteTransport", server.transport).abort()
        return self.answer


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Serve on a free port of 127.0.0.1."""
    mailbox = Mailbox()
    mailbox.port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
