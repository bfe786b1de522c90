"""The steps with a provider's session, from the first look to its end, in several attempts."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities import heartbeat
from activities.documents import get_node
from activities.heartbeat import DETAIL_LIMIT
from activities.secrets import Secrets
from activities.sessions.watch import Watch
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import ProviderSession, SessionState
from rota.steps import SessionInput
from rota.usage import Usage
from tests.activities.session_bench import LOST, Bench, failed
from tests.contract.double import DoubleRuntime
from tests.contract.double_provider import Calls, Ends, Fails, Hangs, Says, Waits


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A run about to begin."""
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.01)
    return Bench(tmp_path, monkeypatch)


async def test_observe_begins_at_the_cursor_of_the_last_heartbeat(bench: Bench) -> None:
    """Not where the run last heard of it: progress since is not watched twice."""
    await bench.open()
    await bench.submit()
    await bench.observe(cursor="3")
    await bench.observe(attempt=2, details=("7", "half way", 0), cursor="3", look=2)
    assert bench.provider.looks == ["3", "7"]


async def test_observe_beats_with_cursor_and_text(bench: Bench) -> None:
    """People read how far it is; the next attempt resumes from it."""
    await bench.open({"inactivity": "200ms"})
    bench.provider.acts = [Says("reading"), Hangs()]
    await bench.submit()
    await failed(bench.observe())
    assert ("1", "reading", 0) in bench.beats


async def test_observe_tells_a_new_cursor_however_seldom_it_beats(bench: Bench) -> None:
    """The next attempt begins there, although its worker is lost before a beat is due."""
    bench.silence = timedelta(minutes=10)
    await bench.open({"inactivity": "200ms"})
    bench.provider.acts = [Says("reading"), Hangs()]
    await bench.submit()
    await failed(bench.observe())
    assert bench.beats == [("1", "reading", 0)]


def test_progress_goes_out_without_secrets() -> None:
    """The cursor, too: of some services it is their own words."""
    Secrets().keep_out("t0ken-of-the-service")
    watch = Watch("", "")
    watch.report("at t0ken-of-the-service", f"{'x' * (DETAIL_LIMIT - 4)}t0ken-of-the-service")
    cursor, text, _ = watch.details
    assert cursor == "at [redacted]"
    assert "t0ke" not in str(text)
    assert len(str(text)) == DETAIL_LIMIT


async def test_observe_silence_is_final_and_names_the_setting(bench: Bench) -> None:
    """A hang is not watched again: it is stopped."""
    await bench.open({"inactivity": "100ms"})
    bench.provider.acts = [Hangs()]
    await bench.submit()
    error = await failed(bench.observe())
    assert (error.type, error.non_retryable) == ("timeout", True)
    assert "no sign of progress from double for 100ms (runtime.inactivity)" in error.message


async def test_observe_failures_are_counted_since_the_last_progress(bench: Bench) -> None:
    """The last heartbeat says how many; the attempt's own number does not matter."""
    await bench.open()
    broken = Fails(StepError(FailureCategory.TRANSIENT, "reset", retry_after=timedelta(seconds=9)))
    bench.provider.acts = [broken, broken, Ends("Done.")]
    await bench.submit()
    error = await failed(bench.observe(attempt=40, details=("", "watching", 1)))
    assert (error.non_retryable, error.next_retry_delay) == (False, timedelta(seconds=9))
    assert bench.beats[-1] == ("", "watching", 2)
    error = await failed(bench.observe(attempt=41, details=bench.beats[-1]))
    assert (error.type, error.non_retryable) == ("transient", True)


async def test_observe_failures_that_nobody_foresaw_are_counted_too(bench: Bench) -> None:
    """Attempts at watching are not limited: a fault of one's own must not repeat until the end."""
    await bench.open()
    bench.provider.acts = [Calls((("sums.add", {}),))]
    await bench.submit()

    def fault(*_: Any) -> None:
        raise KeyError("effect")

    bench.monkeypatch.setattr("activities.sessions.turns.call_refs", fault)
    with pytest.raises(KeyError):
        await bench.observe()
    assert bench.beats[-1] == ("", "watching", 1)
    error = await failed(bench.observe(attempt=9, details=("", "watching", 2)))
    assert (error.type, error.non_retryable) == ("bug", True)
    assert "watching failed: KeyError: 'effect'" in error.message


async def test_observe_of_two_attempts_tells_what_was_recorded_first(bench: Bench) -> None:
    """An attempt that comes back late records nothing over a newer one."""
    await bench.open()
    bench.provider.acts = [Hangs()]
    await bench.submit()
    late = asyncio.create_task(bench.observe())
    await bench.provider.looking.wait()
    bench.provider.acts = [Says("on"), Ends("Done.")]
    runtime, own = bench.runtimes.session("double"), DoubleRuntime(bench.provider)
    bench.monkeypatch.setattr(runtime, "observe", own.observe)
    newer = await bench.observe(attempt=2)
    assert (await late) == newer
    assert newer.state is SessionState.ENDED
    looks = len(bench.provider.looks)
    assert await bench.observe(attempt=3) == newer
    assert len(bench.provider.looks) == looks


async def test_observe_that_cannot_be_taken_up_is_an_unknown_outcome(bench: Bench) -> None:
    """The attempt before was lost with its worker: the work may have been done."""
    await bench.open(reattach=False)
    bench.provider.acts = [Hangs()]
    await bench.submit()
    lost = asyncio.create_task(bench.observe())
    await bench.provider.looking.wait()
    lost.cancel()
    await asyncio.gather(lost, return_exceptions=True)
    error = await failed(bench.observe(attempt=2))
    assert (error.type, error.non_retryable) == ("outcome_unknown", True)
    assert "cannot be taken up" in error.message
    assert len(bench.provider.looks) == 1
    assert await bench.unknown() == 1


async def test_observe_that_may_be_repeated_is_and_the_lost_attempt_is_counted(
    bench: Bench,
) -> None:
    """`repeatable: true` is the declaration's word that doing it twice does no harm."""
    await bench.open({"repeatable": True}, reattach=False)
    await bench.submit()
    bench.provider.acts = [Fails(StepError(FailureCategory.TIMEOUT, "cut", maybe_billed=True))]
    bench.provider.acts.append(Ends("Done."))
    error = await failed(bench.observe())
    assert error.type == "timeout"
    observed = await bench.observe(attempt=2)
    input = SessionInput.model_validate(
        bench.input(session=ProviderSession(kind="double", id="s1"), cursor=observed.cursor)
    )
    outcome = await bench.environment().run(bench.activities.collect_session, input)
    assert outcome.usage.unknown_attempts == 1


@pytest.mark.parametrize(
    ("billed", "category", "final"),
    [(True, "outcome_unknown", True), (False, "overloaded", False)],
)
async def test_observe_whose_only_call_fails_is_repeated_only_if_it_did_nothing(
    bench: Bench, billed: bool, category: str, final: bool
) -> None:
    """For runtimes that cannot take up their watching, the call is the work."""
    await bench.open(reattach=False)
    error = StepError(FailureCategory.OVERLOADED, "at capacity", maybe_billed=billed)
    bench.provider.acts = [Fails(error), Ends("Done.")]
    await bench.submit()
    failure = await failed(bench.observe())
    assert (failure.type, failure.non_retryable) == (category, final)
    if not final:
        assert (await bench.observe(attempt=2)).state is SessionState.ENDED


async def test_collect_reads_an_answer_given_once_from_the_record(bench: Bench) -> None:
    """The provider is not asked for what it gives but once."""
    await bench.open()
    bench.provider.gives_answer_once = True
    await bench.submit()
    observed = await bench.observe()
    input = SessionInput.model_validate(
        bench.input(session=ProviderSession(kind="double", id="s1"), cursor=observed.cursor)
    )
    for attempt in (1, 2):
        environment = bench.environment(attempt)
        outcome = await environment.run(bench.activities.collect_session, input)
        assert outcome.answer is not None
        assert outcome.answer.output == "Done."


async def test_collect_counts_what_is_new_and_keeps_the_table_beside(bench: Bench) -> None:
    """Less what the session had used before the run, and what the run has counted."""
    await bench.open()
    bench.provider.step_tokens = 1000
    await bench.submit()
    base = Usage(input_tokens=300, cost_micros=100)
    session = ProviderSession(kind="double", id="s1", base=base)
    counted = Usage(input_tokens=200, cost_micros=50, unknown_attempts=2)
    await bench.observe()
    input = SessionInput.model_validate(bench.input(session=session, counted=counted))
    outcome = await bench.environment().run(bench.activities.collect_session, input)
    assert outcome.usage == Usage(input_tokens=500, cost_micros=7000 - 150)
    node = await get_node(bench.store, outcome.head)
    assert node.prices == "reported by double"


async def test_answer_told_in_an_attempt_that_was_lost_is_not_told_again(bench: Bench) -> None:
    """The runtime looks first; a later attempt with the record asks nobody."""
    await bench.open()
    await bench.submit()
    bench.provider.in_answer = [LOST]
    await failed(bench.answer(repair=("total: missing",)))
    await bench.answer(attempt=2, repair=("total: missing",))
    await bench.answer(attempt=3, repair=("total: missing",))
    (session,) = bench.provider.sessions.values()
    assert session.answers == 1


async def test_cancel_of_a_session_that_never_was_needs_no_provider(bench: Bench) -> None:
    """A start that was refused leaves nothing to stop."""
    await bench.open()
    stopped = await bench.cancel()
    assert (stopped.confirmed, bench.provider.stops) == (True, 0)


@pytest.mark.parametrize("promise", ["idempotent_start", "find"])
async def test_cancel_of_a_start_nobody_saw_the_end_of_stops_what_it_finds(
    bench: Bench, promise: str
) -> None:
    """The session is looked for, and stopped; nothing new is started."""
    able: dict[str, Any] = {"idempotent_start": False, "find": False, promise: True}
    await bench.open(**able)
    bench.provider.after_start = [LOST]
    await failed(bench.submit())
    stopped = await bench.cancel()
    assert (stopped.confirmed, bench.provider.starts, bench.provider.stops) == (True, 1, 1)


async def test_cancel_of_a_start_that_cannot_be_found_says_so(bench: Bench) -> None:
    """Nobody can stop it but a person who looks."""
    await bench.open(idempotent_start=False, find=False)
    bench.provider.after_start = [LOST]
    await failed(bench.submit())
    error = await failed(bench.cancel())
    assert error.type == "outcome_unknown"
    assert bench.provider.stops == 0


async def test_observe_wait_that_each_look_tells_again_is_over_after_patience(bench: Bench) -> None:
    """Looks that find the same wait are no sign of the person."""
    await bench.open({"patience": "100ms"})
    bench.provider.acts = [Waits("Ann", tells_again=True)]
    await bench.submit()
    error = await failed(bench.observe(waiting=True))
    assert (error.type, error.non_retryable) == ("timeout", True)
    assert "nobody acted on double's side for 100ms (runtime.patience)" in error.message
