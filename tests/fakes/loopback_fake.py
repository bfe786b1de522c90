"""What the fakes of providers have in common: a socket, a beginning and an end, complaints.

A fake plays its part on a thread of its own, so worker processes reach it as well as the test
does. It is loud: what no real server would take fails the test when the fake closes.
"""

import asyncio
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from tests.fakes.loopback_http import Connection, HttpRequest, LoopbackServer


class LoopbackFake(ABC):
    """Base of the fakes: listens on a free port of 127.0.0.1, inside `with` or `async with`."""

    part: ClassVar[str] = "the fake server"
    """What it stands for, as its complaints name it."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        """What makes `close` fail; a test that wants them may clear it."""
        self._server = LoopbackServer(self._handle)

    @abstractmethod
    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        """Carry a request out, on the server's thread."""

    @property
    def url(self) -> str:
        """Where it listens: what to give as `base_url`."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def connections(self) -> int:
        """How many TCP connections were opened."""
        return self._server.connections

    def start(self) -> Self:
        """Listen; returns when connections are accepted."""
        self._server.start()
        return self

    def close(self) -> None:
        """Stop, ending every connection.

        Raises:
            AssertionError: there are problems.
        """
        self._server.close()
        if self.problems:
            raise AssertionError(f"{self.part}: {'; '.join(self.problems)}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except AssertionError as problem:
            if error is None:
                raise
            # The test's own failure matters more, and this is probably its cause.
            error.add_note(str(problem))

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)


class Billable(Protocol):
    """A request as a fake remembers it."""

    billed: bool
    """True if work was done for it, whether or not anybody got the answer."""


Request = TypeVar("Request", bound=Billable)


class BillingFake(LoopbackFake, Generic[Request]):
    """Base of those that bill, and may hang: what was asked of them can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self._arrived = threading.Condition()
        self._released = asyncio.Event()

    @property
    def billed(self) -> int:
        """How often work was done."""
        return sum(request.billed for request in self.requests)

    def release(self) -> None:
        """End every hang and silence, and make later ones end at once."""
        self._server.call(self._released.set)

    def wait_for_requests(self, number: int, timeout: float = 10.0) -> None:
        """Block until so many requests have arrived.

        Raises:
            TimeoutError: they did not.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= number, timeout):
                raise TimeoutError(f"{len(self.requests)} of {number} requests after {timeout} s")

    async def requests_arrived(self, number: int, timeout: float = 10.0) -> None:
        """Wait as `wait_for_requests` does, leaving the event loop free."""
        await asyncio.to_thread(self.wait_for_requests, number, timeout)

    def _record(self, request: Request) -> int:
        """Remember a request, tell whoever waits for it, and return which one it is."""
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
            return len(self.requests)
