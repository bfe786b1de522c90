"""The steps with a provider's session, each in several attempts: once is once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from temporalio.activity import ActivityCancellationDetails

from activities import heartbeat
from activities.paid_calls import unanswered_attempts
from activities.secrets import Secrets
from activities.sessions.log import SessionLog
from rota.budgets.reservations import Cap
from rota.failures import FailureCategory
from rota.runtimes.session import ProviderSession, Stopped
from rota.steps import SessionInput
from tests.activities.session_bench import LOST, RUN, Bench, failed, fault
from tests.contract.double_provider import Hangs
from tests.workflows.failing_store import FailingStore


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A run about to begin."""
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.01)
    return Bench(tmp_path, monkeypatch)


async def test_submit_that_is_on_record_asks_nobody(bench: Bench) -> None:
    """A later attempt returns the recorded session, whatever the runtime promises."""
    await bench.open(idempotent_start=False, find=False)
    first = await bench.submit()
    assert await bench.submit(attempt=2) == first
    assert (bench.provider.starts, len(bench.provider.requests)) == (1, 1)
    assert await bench.unknown() == 0


@pytest.mark.parametrize("moment", ["before_start", "after_start"])
@pytest.mark.parametrize("promise", ["idempotent_start", "find"])
async def test_submit_whose_answer_was_lost_starts_one_session(
    bench: Bench, moment: str, promise: str
) -> None:
    """Asked again with the same key, or found, or created if it never came to be."""
    able: dict[str, Any] = {"idempotent_start": False, "find": False, promise: True}
    await bench.open(**able)
    bench.provider.knows_keys = promise == "idempotent_start"
    setattr(bench.provider, moment, [LOST])
    error = await failed(bench.submit())
    assert (error.type, error.non_retryable) == ("timeout", False)
    session = await bench.submit(attempt=2)
    assert (session.id, bench.provider.starts) == ("s1", 1)
    assert await bench.unknown() == 0


async def test_submit_that_can_be_neither_repeated_nor_found_is_an_unknown_outcome(
    bench: Bench,
) -> None:
    """Nothing is started a second time; the message says what to look for, and where."""
    await bench.open(idempotent_start=False, find=False)
    bench.provider.after_start = [LOST]
    await failed(bench.submit())
    error = await failed(bench.submit(attempt=2))
    assert (error.type, error.non_retryable) == ("outcome_unknown", True)
    assert "Look there for one of run agent-1 (rota_key " in error.message
    assert bench.provider.starts == 1
    assert await bench.unknown() == 1


async def test_submit_that_was_certainly_refused_may_be_made_again(bench: Bench) -> None:
    """The mark is taken back: the next attempt starts the session as if it were the first."""
    await bench.open(idempotent_start=False, find=False)
    bench.provider.before_start = [fault(FailureCategory.RATE_LIMITED, billed=False)]
    error = await failed(bench.submit())
    assert (error.type, error.non_retryable) == ("rate_limited", False)
    assert await bench.unknown() == 0
    assert (await bench.submit(attempt=2)).id == "s1"


async def test_submit_that_fails_unforeseen_is_final(bench: Bench) -> None:
    """A fault of the runtime's own code after the call would be paid for again."""

    def fail() -> None:
        raise KeyError("id")

    await bench.open()
    bench.provider.after_start = [fail]
    error = await failed(bench.submit())
    assert (error.type, error.non_retryable) == ("bug", True)
    assert "the start failed: KeyError" in error.message


async def test_submit_whose_record_the_store_refuses_starts_one_session(bench: Bench) -> None:
    """The store fails after the start: the attempt keeps the session in hand until it is taken."""
    await bench.open(idempotent_start=False, find=False)
    bench.store = FailingStore(bench.store, "set_ref", b"/handle", times=1)
    assert (await bench.submit()).id == "s1"
    assert bench.provider.starts == 1


async def test_submit_of_two_attempts_at_once_leaves_one_session_working(bench: Bench) -> None:
    """One taken for dead comes back late: what it started is stopped, and both name the first."""
    await bench.open(idempotent_start=False, find=True)
    bench.provider.knows_keys = False
    runtime = bench.runtimes.session("double")
    begun, go_on, submit = asyncio.Event(), asyncio.Event(), runtime.submit

    async def late(request: Any) -> ProviderSession:
        begun.set()
        await go_on.wait()
        return await submit(request)

    bench.monkeypatch.setattr(runtime, "submit", late)
    first = asyncio.create_task(bench.submit())
    await begun.wait()
    bench.monkeypatch.setattr(runtime, "submit", submit)
    session = await bench.submit(attempt=2)
    go_on.set()
    assert await first == session
    stopped = {id: each.stopped for id, each in bench.provider.sessions.items()}
    assert stopped == {"s1": False, "s2": True}


@pytest.mark.parametrize("begun", [True, False])
async def test_submit_that_goes_on_after_the_run_has_ended_leaves_nothing_working(
    bench: Bench, begun: bool
) -> None:
    """The run's time is up while the provider is asked, or just before: it is undone, or not done.

    Who stopped it found nothing, since there was nothing yet.
    """
    await bench.open(idempotent_start=False, find=True)
    runtime = bench.runtimes.session("double")
    asked, go_on = asyncio.Event(), asyncio.Event()
    submit, mark = runtime.submit, SessionLog.mark

    async def make(request: Any) -> ProviderSession:
        if begun:
            asked.set()
            await go_on.wait()
        return await submit(request)

    async def sent(request: Any) -> ProviderSession:
        # What was sent is carried out, whether anybody still listens or not.
        return await asyncio.shield(asyncio.ensure_future(make(request)))

    async def held(log: SessionLog, turn: int, what: str) -> None:
        if not begun:
            asked.set()
            await go_on.wait()
        await mark(log, turn, what)

    bench.monkeypatch.setattr(runtime, "submit", sent)
    bench.monkeypatch.setattr(SessionLog, "mark", held)
    environment = bench.environment()
    input = SessionInput.model_validate(bench.input())
    late = asyncio.create_task(environment.run(bench.activities.submit_session, input))
    await asked.wait()
    environment.cancel(ActivityCancellationDetails(timed_out=True))
    stopped = await bench.cancel()
    go_on.set()
    await asyncio.gather(late, return_exceptions=True)
    assert (stopped.confirmed, bench.provider.starts) == (True, int(begun))
    assert all(session.stopped for session in bench.provider.sessions.values())
    assert await bench.unknown() == int(begun)


async def test_what_a_service_says_as_it_stops_holds_no_secret(bench: Bench) -> None:
    """It may show what it was sent; a run's end tells it to people."""
    Secrets().keep_out("t0ken-of-the-service")
    await bench.open()
    session = await bench.submit()
    said = Stopped(confirmed=True, text="stopped for t0ken-of-the-service")

    async def cancel(session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        return said

    bench.monkeypatch.setattr(bench.runtimes.session("double"), "cancel", cancel)
    assert (await bench.cancel(session=session)).text == "stopped for [redacted]"


async def cut_off(bench: Bench, look: int = 2, **runtime: Any) -> None:
    """A look that nobody sees the end of, of a session that hangs."""
    await bench.open(runtime, reattach=False)
    bench.provider.acts = [Hangs()]
    await bench.submit()
    looking = asyncio.create_task(bench.observe(look=look))
    await bench.provider.looking.wait()
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


async def test_cancel_of_a_session_that_tells_its_use_leaves_nothing_unknown(bench: Bench) -> None:
    """The look that was cut off had watched what the provider now counts."""
    await cut_off(bench)
    assert await bench.unknown() == 1
    stopped = await bench.cancel(session=ProviderSession(kind="double", id="s1", told=True))
    assert stopped.usage.tokens > 0
    assert (stopped.usage.unknown_attempts, await bench.unknown()) == (0, 0)


@pytest.mark.parametrize(
    ("allowance", "unknown"),
    [(Cap(micros=700, tokens=90), (700, 90)), (Cap(micros=-5), (0, 0)), (Cap(), (0, 0))],
)
async def test_cancel_of_a_session_that_tells_no_use_counts_what_the_run_might_still_spend(
    bench: Bench, allowance: Cap, unknown: tuple[int, int]
) -> None:
    """At most that; of a run without a limit nobody can say how much."""
    await bench.open()
    await bench.submit()
    bench.monkeypatch.setattr(bench.provider, "usage", lambda session: None)
    session = ProviderSession(kind="double", id="s1", told=True)
    usage = (await bench.cancel(session=session, allowance=allowance)).usage
    assert usage.unknown_attempts == 1
    assert (usage.unknown_micros, usage.unknown_tokens) == unknown


@pytest.mark.parametrize("look", [1, 2])
@pytest.mark.parametrize("one_call", [True, False])
async def test_cancel_of_a_session_whose_look_was_cut_off_counts_it_once_with_what_it_may_have_cost(
    bench: Bench, one_call: bool, look: int
) -> None:
    """The look is the attempt, of whichever runtime; what it came to nobody tells."""
    await cut_off(bench, look, one_call=one_call)
    bench.monkeypatch.setattr(bench.provider, "usage", lambda session: None)
    session = ProviderSession(kind="double", id="s1", told=True)
    stopped = await bench.cancel(session=session, allowance=Cap(micros=700, tokens=90))
    usage = stopped.usage.plus(await unanswered_attempts(bench.store, RUN, 1))
    assert usage.unknown_attempts == 1
    assert (usage.unknown_micros, usage.unknown_tokens) == (700, 90)
