"""A mail server for the demo: loopback only, writes each mail to a folder, delivers nothing.

    python smtp_server.py                 # on port 8025, mails go to state/mails
    python smtp_server.py --refuse 2      # refuse the first two, then accept

Needs aiosmtpd beside rota: pip install aiosmtpd
"""

import argparse
import logging
import threading
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HERE = Path(__file__).parent
LOOPBACK = "127.0.0.1"

log = logging.getLogger("smtp")


class Mailbox:
    """Keeps every mail it accepts as one `.eml` file, numbered in the order they came."""

    def __init__(self, folder: Path, refuse: int = 0) -> None:
        self.folder = folder
        self.refuse = refuse
        """Mails still to be refused."""
        self.offered = 0
        """Mails that anybody tried to hand over."""
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def mails(self) -> list[Path]:
        """What was accepted, oldest first."""
        return sorted(self.folder.glob("*.eml"))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Accept a mail, or refuse it the way a busy server does. The name is aiosmtpd's."""
        self.offered += 1
        if self.refuse > 0:
            self.refuse -= 1
            log.info("refused a mail, %d more to refuse", self.refuse)
            return "451 4.3.0 out of disk space, try again later"
        path = self.keep(envelope)
        log.info("accepted %s", path)
        return "250 2.0.0 accepted"

    def keep(self, envelope: Envelope) -> Path:
        """Write the mail down as it came."""
        path = self.folder / f"{len(self.mails) + 1:04}.eml"
        path.write_bytes(envelope.original_content or b"")
        return path


def serve(mailbox: Mailbox, port: int) -> Controller:
    """Listen on the loopback in a thread of its own; the caller stops the controller."""
    controller = Controller(mailbox, hostname=LOOPBACK, port=port)
    controller.start()
    return controller


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A mail server that keeps what it gets.")
    parser.add_argument("--port", type=int, default=8025)
    parser.add_argument("--folder", type=Path, default=HERE / "state" / "mails")
    parser.add_argument("--refuse", type=int, default=0, help="refuse the first N mails")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    controller = serve(Mailbox(options.folder, options.refuse), options.port)
    log.info("listening on %s:%d, mails go to %s", LOOPBACK, options.port, options.folder)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        log.info("stopped")
    finally:
        controller.stop()


if __name__ == "__main__":
    main()
