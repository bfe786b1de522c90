"""What a run does when its runtime cannot answer now: another takes over, or it waits, visibly.

A wait for a runtime is run time: it burns no attempts, but the run's clock goes on, since
nobody but the run is waited for.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

with workflow.unsafe.imports_passed_through():
    from rota.failures import FailureCategory
    from rota.runtimes.breaker import RUNTIME_HELD, Held
    from rota.turns.loop import LoopState
    from workflows.activity_options import HOLD_SPREAD, LONGEST_HOLD_SPREAD
    from workflows.run_kit.standing import Standing
    from workflows.run_kit.work import RunWork


async def go_on(error: ActivityError, work: RunWork, standing: Standing, round: int) -> LoopState:
    """Return with what to ask again after a turn that failed: another runtime, or the same later.

    Args:
        error: How the turn failed.
        work: The run, its loop as the turn was asked.
        standing: Where the wait is told.
        round: How often this turn was given to a runtime before.

    Raises:
        ActivityError: `error`, if asking again mends nothing, or if the run's time is up.
    """
    held, loop = held_in(error), work.loop
    if held is None and not _leaves_it_to_another(error):
        raise error
    follows = loop.runtime + 1
    if follows < len(work.spec.runtimes):
        label = work.spec.runtime_label(follows)
        workflow.logger.warning("%s takes over: %s", label, error.cause)
        return loop.model_copy(update={"runtime": follows})
    if held is None or not await wait_until_free(held, work, standing, round):
        raise error
    return loop


def held_in(error: BaseException) -> Held | None:
    """What a step says that was not tried, since its runtime is not to be asked now."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if not isinstance(cause, ApplicationError) or cause.type != RUNTIME_HELD:
        return None
    details: Any = cause.details[0]
    return Held.model_validate(details)


async def wait_until_free(held: Held, work: RunWork, standing: Standing, times: int) -> bool:
    """Wait until the runtime may be asked again; False if the run's time is up before.

    Args:
        held: What the step was told.
        work: The run.
        standing: Where the wait is told.
        times: How often the run has waited for this step before: those who wait long come
            back less often, and further apart.
    """
    spread = min(HOLD_SPREAD * 2 ** min(times, 10), LONGEST_HOLD_SPREAD)
    # Apart from one another: what has just recovered must not be met by all at once.
    again = max(held.until, workflow.now()) + spread * workflow.random().random()
    deadline = workflow.now() + work.remaining
    text = f"{held.text}; the run's time goes on, until {deadline:%H:%M:%S}Z"
    await standing.wait("runtime", text, lambda: False, min(again, deadline))
    if work.remaining <= timedelta(0):
        return False
    standing.resume()
    return True


def _leaves_it_to_another(error: ActivityError) -> bool:
    cause = error.cause
    if isinstance(cause, TimeoutError):
        # The attempt's own limit: the runtime hung beyond all of its own. A lost worker is
        # no fault of the runtime, and the run's end is nobody's.
        return cause.type is TimeoutType.START_TO_CLOSE
    if not isinstance(cause, ApplicationError) or not cause.non_retryable:
        return False
    # Final although of a kind that is tried again: that is how the step says so.
    return cause.type in {category.value for category in FailureCategory if category.fails_over}
