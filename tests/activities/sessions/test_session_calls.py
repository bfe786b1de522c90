"""A session that one worker calls and another is asked to stop: what is known, and what is not."""

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities import heartbeat
from activities.runtimes.command import CommandRuntime
from activities.runtimes.open import OpenRuntimes
from activities.secrets import Secrets
from activities.sessions import calls as session_calls
from activities.sessions.running import SessionRunningActivities
from activities.toolbox import Toolbox
from rota.runtimes.session import ProviderSession
from rota.steps import SessionInput, SessionStarted, SessionStopped
from tests.activities.session_bench import Bench, failed

WORKS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"


class Workers:
    """Several workers over one store, each with a runtime of its own, and one run."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.begun = bench.folder / "begun"

    async def open(self, program: str, **runtime: Any) -> None:
        """Declare an agent whose work is a program."""
        words = [sys.executable, "-I", "-S", "-c", program, str(self.begun)]
        await self.bench.open({"kind": "command", "command": words, "grace": "100ms", **runtime})

    def one(self) -> SessionRunningActivities:
        """Another worker."""
        runtimes = OpenRuntimes({"command": lambda: CommandRuntime(Secrets())})
        toolbox = Toolbox(self.bench.folder, {})
        return SessionRunningActivities(self.bench.store, runtimes, toolbox, self.bench.gate)

    async def submit(self, worker: SessionRunningActivities) -> ProviderSession:
        """Name the session."""
        started: SessionStarted = await self._run(worker.submit_session, None)
        return started.session

    async def observe(
        self, worker: SessionRunningActivities, session: ProviderSession, attempt: int = 1
    ) -> Any:
        """Run the program."""
        return await self._run(worker.observe_session, session, attempt)

    async def cancel(
        self, worker: SessionRunningActivities, session: ProviderSession
    ) -> SessionStopped:
        """Have it stopped."""
        return await self._run(worker.cancel_session, session)

    async def until_it_works(self) -> None:
        """Wait until the program has begun."""
        async with asyncio.timeout(10):
            while not self.begun.exists():  # noqa: ASYNC110 - of a program nobody tells
                await asyncio.sleep(0.01)

    async def _run(
        self, step: Callable[..., Any], session: ProviderSession | None, attempt: int = 1
    ) -> Any:
        input = SessionInput.model_validate(self.bench.input(session=session))
        return await self.bench.environment(attempt).run(step, input)


async def stop_waits_until_it_is_given_up(workers: Workers, seconds: float) -> None:
    """Stop a call from elsewhere: nothing is said for so long, and its end once it is given up."""
    await workers.open(WORKS)
    caller = workers.one()
    session = await workers.submit(caller)
    watching = asyncio.create_task(workers.observe(caller, session))
    await workers.until_it_works()
    stopping = asyncio.create_task(workers.cancel(workers.one(), session))
    done, _ = await asyncio.wait((stopping,), timeout=seconds)
    assert not done
    watching.cancel()
    await asyncio.wait((watching,))
    assert (await stopping).confirmed


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """A run about to begin."""
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.01)
    return Workers(Bench(tmp_path, monkeypatch))


async def test_cancel_elsewhere_confirms_a_call_that_failed(workers: Workers) -> None:
    """An exit code is an end, whichever worker is asked to stop the session."""
    await workers.open("raise SystemExit(1)")
    caller = workers.one()
    session = await workers.submit(caller)
    await failed(workers.observe(caller, session))
    stopped = await workers.cancel(workers.one(), session)
    assert (stopped.confirmed, stopped.text) == (True, session_calls.ENDED)


async def test_cancel_elsewhere_waits_for_the_call_that_is_being_given_up(
    workers: Workers,
) -> None:
    """The run's end reaches both workers at once: the program's end is seen, not guessed."""
    await stop_waits_until_it_is_given_up(workers, 1)


async def test_cancel_elsewhere_waits_as_long_as_beats_are_apart(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes the call hears of the run's end with its next beat, and no sooner."""
    monkeypatch.setattr(session_calls, "LEAVING_SECONDS", 0.0)
    workers.bench.silence = timedelta(seconds=58.2)
    await stop_waits_until_it_is_given_up(workers, 0.3)


async def test_cancel_elsewhere_of_a_call_whose_worker_is_gone_is_not_confirmed(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says that the program has ended: so nobody claims it."""
    monkeypatch.setattr(session_calls, "LEAVING_SECONDS", 0.5)
    await workers.open(WORKS)
    caller = workers.one()
    session = await workers.submit(caller)
    watching = asyncio.create_task(workers.observe(caller, session))
    await workers.until_it_works()
    assert not (await workers.cancel(workers.one(), session)).confirmed
    watching.cancel()
    await asyncio.wait((watching,))


async def test_cancel_elsewhere_after_a_lost_attempt_waits_for_nobody(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt after a lost worker has said so: its call is left, and may go on."""
    monkeypatch.setattr(session_calls, "LEAVING_SECONDS", 60.0)
    await workers.open(WORKS)
    caller, other = workers.one(), workers.one()
    session = await workers.submit(caller)
    watching = asyncio.create_task(workers.observe(caller, session))
    await workers.until_it_works()
    error = await failed(workers.observe(other, session, attempt=2))
    assert error.type == "outcome_unknown"
    async with asyncio.timeout(10):
        assert not (await workers.cancel(other, session)).confirmed
    watching.cancel()
    await asyncio.wait((watching,))


async def test_cancel_elsewhere_before_the_call_confirms_and_keeps_it_from_being_made(
    workers: Workers,
) -> None:
    """No call is under way, and none comes after that was said."""
    await workers.open(WORKS)
    caller = workers.one()
    session = await workers.submit(caller)
    stopped = await workers.cancel(workers.one(), session)
    assert stopped.confirmed
    assert (stopped.usage.unknown_attempts, await workers.bench.unknown()) == (0, 0)
    error = await failed(workers.observe(caller, session))
    assert (error.type, error.non_retryable) == ("limit_reached", True)
    assert not workers.begun.exists()
