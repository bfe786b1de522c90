"""An HTTP server inside a process that has other work: a worker's callbacks, the gateway.

It listens where it was told, leaves signals to its process, and gives no connection more than it
needs: whoever is silent, or slow, must not hold a place for ever.
"""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol


class ListenError(Exception):
    """Nobody can listen there; the message says why, and where it was told to."""


@dataclass(frozen=True)
class Tls:
    """How connections are encrypted, unless whatever stands before the server does that."""

    certificate: Path
    """PEM, with the chain."""
    key: Path
    """PEM, without a passphrase."""

    @property
    def problem(self) -> str:
        """Why it cannot be used, in one line; empty if it can."""
        for path in (self.certificate, self.key):
            try:
                path.read_bytes()
            except OSError as error:
                return f"cannot read {path}: {error.strerror}"
        try:
            # An answer without a word to the question for a passphrase: nobody is there to type.
            ssl.create_default_context().load_cert_chain(self.certificate, self.key, lambda: "")
        except (ssl.SSLError, ValueError):
            return f"{self.certificate} and {self.key} are no certificate with its key, in PEM"
        return ""


class _Server(uvicorn.Server):
    """Leaves signals to the process, which stops it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listener_at(listen: str, option: str) -> socket.socket:
    """Listen at `HOST:PORT`; `:8787` is everywhere, port 0 any that is free.

    Args:
        listen: Where.
        option: What the person who wrote it calls it.

    Raises:
        ListenError: it is no address, or taken.
    """
    host, port = host_and_port(listen, option)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        # The error's own words name the address once more.
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ListenError(f"{option}: cannot listen at {listen}: {why}") from error


def host_and_port(listen: str, option: str) -> tuple[str, int]:
    """Read `HOST:PORT`; without a host it is every one of this machine.

    Raises:
        ListenError: it is not that.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ListenError(f"{option}: '{listen}' is not HOST:PORT, such as 0.0.0.0:8787")
    return host.strip("[]") or "0.0.0.0", int(port)


@asynccontextmanager
async def http_served(
    app: Starlette,
    listener: socket.socket,
    *,
    connection: type[H11Protocol],
    places: int,
    grace_seconds: int,
    tls: Tls | None = None,
) -> AsyncGenerator[str]:
    """Serve while the block lasts, then let requests in flight finish; yields the address.

    Args:
        app: What answers.
        listener: Closed at the end.
        connection: What becomes of each connection.
        places: Connections at once; more are told to come again.
        grace_seconds: How long requests in flight may take once the block has ended.
        tls: None: plain HTTP.

    Raises:
        OSError: the certificate or its key cannot be read.
    """
    # Its lines would hold what is secret in addresses; `access_log` alone gives way to other
    # logging set-ups.
    logging.getLogger("uvicorn.access").disabled = True
    config = uvicorn.Config(
        app,
        http=connection,
        ws="none",
        access_log=False,
        log_config=None,
        log_level="warning",  # when it starts and stops its process says itself
        lifespan="off",
        limit_concurrency=places,
        server_header=False,
        timeout_graceful_shutdown=grace_seconds,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    with contextlib.closing(listener):
        config.load()
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        host, port = listener.getsockname()[:2]
        try:
            scheme = "https" if tls else "http"
            yield f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        finally:
            server.should_exit = True
            await serving
