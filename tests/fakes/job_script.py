"""What a fake service is told to do with the next start, and how it went."""

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.contract.bench import Tokens


@dataclass
class Work:
    """One piece of work to be done."""

    text: str = ""
    tokens: Tokens = field(default_factory=Tokens)
    seconds: float = 0.0
    error: str = ""
    """It fails with this."""
    hangs: bool = False
    """It ends only when everything is released, or it is stopped."""
    pieces: int = 0
    """Steps that can be seen, `pause` apart."""
    pause: float = 0.0
    waits: bool = False
    """It waits for a person until `resume`."""
    cut: bool = False
    """The connection breaks in the middle of the answer to its start, once."""


@dataclass(frozen=True)
class Refusal:
    """An answer of failure to the next request."""

    status: int
    message: str = "no"
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Job:
    """Work that was begun."""

    id: str
    work: Work
    body: Any
    key: str
    begun: float = field(default_factory=time.monotonic)
    stopped: bool = False
    lost: bool = False
    resumed: bool = False
    held: bool = False
    """It would have ended, and has one thing more to do."""


class JobScript:
    """A script of works and refusals, and the jobs begun by it. Safe from any thread."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.stops = 0
        self.problems: list[str] = []
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        """Method, path, headers and JSON of each request."""
        self.looks: deque[Refusal] = deque()
        """Failures of the next looks."""
        self.cut_results = 0
        """So many answers with a result break off in the middle."""
        self._script: deque[Work | Refusal] = deque()
        self._changed = threading.Condition()
        self.released = False

    def add(self, act: Work | Refusal) -> None:
        """Append to the script."""
        self._script.append(act)

    def refusal(self) -> Refusal | None:
        """Take the next act if it is a refusal."""
        if self._script and isinstance(self._script[0], Refusal):
            taken = self._script.popleft()
            assert isinstance(taken, Refusal)
            return taken
        return None

    def begin(self, id: str, body: Any, key: str) -> Job | None:
        """Begin the next work; None, and a problem, if there is none."""
        if not self._script:
            self.problems.append(f"start {len(self.jobs) + 1} found the script empty")
            return None
        work = self._script.popleft()
        assert isinstance(work, Work)
        job = Job(id, work, body, key)
        with self._changed:
            self.jobs.append(job)
            self._changed.notify_all()
        return job

    def cuts(self, job: Job) -> bool:
        """Whether the answer to its start breaks off now."""
        cut, job.work.cut = job.work.cut, False
        return cut

    def cuts_result(self, job: Job) -> bool:
        """Whether this answer with its result breaks off."""
        if self.state(job) != "done" or not self.cut_results:
            return False
        self.cut_results -= 1
        return True

    def job(self, id: str) -> Job | None:
        """The job of that id, unless it is lost."""
        return next((job for job in self.jobs if job.id == id and not job.lost), None)

    def saw(self, method: str, path: str, headers: dict[str, str], body: Any) -> None:
        """Remember a request."""
        with self._changed:
            self.requests.append((method, path, headers, body))
            self._changed.notify_all()

    def state(self, job: Job) -> str:
        """`running`, `waiting`, `stopped`, `failed` or `done`, as of now."""
        if job.stopped:
            return "stopped"
        work = job.work
        if work.waits and not job.resumed:
            return "waiting"
        lasts = max(work.seconds, work.pieces * work.pause)
        if (work.hangs and not self.released) or time.monotonic() < job.begun + lasts:
            return "running"
        if job.held:
            return "running"
        return "failed" if work.error else "done"

    def step(self, job: Job) -> int:
        """How many of its pieces are done."""
        pause = job.work.pause
        return min(job.work.pieces, int((time.monotonic() - job.begun) / pause)) if pause else 0

    async def finished(self, job: Job) -> None:
        """Wait until it has ended."""
        while self.state(job) in ("running", "waiting"):  # noqa: ASYNC110 - time passes
            await asyncio.sleep(0.005)

    async def arrived(self, requests: int, timeout: float = 10.0) -> None:
        """Wait until so many requests have come."""

        def wait() -> None:
            with self._changed:
                enough = self._changed.wait_for(lambda: len(self.requests) >= requests, timeout)
            if not enough:
                raise TimeoutError(f"{len(self.requests)} of {requests} requests")

        await asyncio.to_thread(wait)
