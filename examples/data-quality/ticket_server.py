"""A ticket service for the demo: loopback only, keeps tickets in one SQLite file.

python ticket_server.py                # on port 8642, tickets go to state/tickets.sqlite
python ticket_server.py --lose 2       # the first two tickets are made, their answers are lost

GET  /tickets    all tickets, oldest first
POST /tickets    {"title", "text", "labels"} under an Idempotency-Key; the same key, one ticket
"""

import argparse
import json
import logging
import sqlite3
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOOPBACK = "127.0.0.1"
MAX_BYTES = 100_000

log = logging.getLogger("tickets")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tickets (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, title TEXT NOT NULL, text TEXT NOT NULL,
    labels TEXT NOT NULL
)
"""


class Tickets:
    """Keeps the tickets; one per key, however many ask at once."""

    def __init__(self, path: Path, lose: int = 0, refuse: int = 0) -> None:
        self.lose = lose
        """Answers still to be lost, their tickets made."""
        self.refuse = refuse
        """Requests still to be refused, nothing made."""
        self.requests = 0
        self._path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as connection:
            connection.execute(_SCHEMA)

    def all(self) -> list[dict[str, Any]]:
        """Every ticket, oldest first."""
        with self._open() as connection:
            rows = connection.execute("SELECT id, key, title, text, labels FROM tickets").fetchall()
        return [
            {"id": row[0], "key": row[1], "title": row[2], "text": row[3], "labels": row[4].split()}
            for row in rows
        ]

    def make(self, key: str, title: str, text: str, labels: list[str]) -> tuple[int, bool]:
        """Make the ticket of a key, or find it; return its id and whether it was made now."""
        with self._open() as connection:
            values = (key, title, text, " ".join(labels))
            made = connection.execute(
                "INSERT OR IGNORE INTO tickets (key, title, text, labels) VALUES (?, ?, ?, ?)",
                values,
            ).rowcount
            (number,) = connection.execute(
                "SELECT id FROM tickets WHERE key = ?", (key,)
            ).fetchone()
        return number, bool(made)

    def fails(self, kind: str) -> bool:
        """Whether this request meets one of the failures that were asked for."""
        with self._lock:
            left = getattr(self, kind)
            setattr(self, kind, max(0, left - 1))
            return left > 0

    def counted(self) -> None:
        """Count a request to make a ticket."""
        with self._lock:
            self.requests += 1

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=20)) as connection, connection:
            yield connection


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tickets: Tickets

    def do_GET(self) -> None:
        if self.path == "/tickets":
            self._answer(HTTPStatus.OK, self.tickets.all())
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "GET /tickets, or POST to it"})

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(size, MAX_BYTES))
        self.tickets.counted()
        if self.tickets.fails("refuse"):
            self._answer(HTTPStatus.FORBIDDEN, {"error": "the project is closed for today"})
            return
        key = self.headers.get("Idempotency-Key", "")
        try:
            given = json.loads(body)
            title, text, labels = str(given["title"]), str(given["text"]), [*given["labels"]]
            if self.path != "/tickets" or not key:
                raise ValueError("no key, or another address")
        except (ValueError, KeyError, TypeError):
            problem = "POST /tickets: title, text and labels, with an Idempotency-Key"
            self._answer(HTTPStatus.BAD_REQUEST, {"error": problem})
            return
        number, made = self.tickets.make(key, title, text, labels)
        log.info("%s %d: %s", "made" if made else "found", number, title)
        if self.tickets.fails("lose"):
            self._answer(HTTPStatus.BAD_GATEWAY, {"error": "the answer was lost"})
            return
        url = f"http://{self.headers['Host']}/tickets/{number}"
        status = HTTPStatus.CREATED if made else HTTPStatus.OK
        self._answer(status, {"id": f"T-{number}", "url": url, "existed": not made})

    def log_message(self, format: str, *args: Any) -> None:
        """The tickets are in the log, the requests need not be."""

    def _answer(self, status: HTTPStatus, document: Any) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def serve(tickets: Tickets, port: int) -> ThreadingHTTPServer:
    """Listen on the loopback; the caller runs `serve_forever` and closes it."""
    handler = type("Handler", (_Handler,), {"tickets": tickets})
    return ThreadingHTTPServer((LOOPBACK, port), handler)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A ticket service that keeps what it gets.")
    parser.add_argument("--port", type=int, default=8642)
    parser.add_argument("--file", type=Path, default=HERE / "state" / "tickets.sqlite")
    parser.add_argument("--lose", type=int, default=0, help="lose the first N answers")
    parser.add_argument("--refuse", type=int, default=0, help="refuse the first N requests")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with serve(Tickets(options.file, options.lose, options.refuse), options.port) as server:
        log.info("http://%s:%d/tickets, kept in %s", LOOPBACK, options.port, options.file)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            log.info("stopped")


if __name__ == "__main__":
    main()
