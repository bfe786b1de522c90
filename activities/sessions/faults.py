"""What goes wrong with a session, in Temporal's form: what is final, and what nobody knows.

Activity side, for the steps in `running`.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.sessions.request import SessionTask
from activities.sessions.watch import Watch
from activities.step_errors import to_application_error
from activities.stores.base import StoreError
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import ProviderSession
from rota.steps import SessionInput


def final(category: FailureCategory, message: str) -> ApplicationError:
    """A failure that is not tried again, whatever its category says of others."""
    return ApplicationError(message, type=category.value, non_retryable=True)


@contextmanager
def foreseen(what: str) -> Generator[None]:
    """Make any unforeseen fault of a runtime final: nobody knows what it has done."""
    try:
        yield
    except (StepError, StoreError, ApplicationError):
        raise
    except Exception as error:
        raise StepError(
            FailureCategory.BUG, f"{what}: {type(error).__name__}: {error}", maybe_billed=True
        ) from error


@asynccontextmanager
async def counting(input: SessionInput, watch: Watch) -> AsyncGenerator[None]:
    """Let watching fail in Temporal's form, after so many failures without progress for good.

    Attempts do not count: each restart of a worker costs one.
    """
    try:
        yield
    except (StepError, StoreError) as error:
        failure = error
        if isinstance(failure, StoreError):
            failure = StepError(FailureCategory.TRANSIENT, f"the store failed: {failure}")
        _count(watch)
        if failure.category.retryable and watch.failures >= input.attempts:
            raise final(failure.category, str(failure)) from error
        raise to_application_error(failure, input, watch.failures) from error
    except ApplicationError:
        raise
    except Exception as error:
        # Ours, or this worker's: another may do better, but not until the run's time is up.
        _count(watch)
        if watch.failures < input.attempts:
            raise
        what = f"watching failed: {type(error).__name__}: {error}"
        raise final(FailureCategory.BUG, what) from error


def _count(watch: Watch) -> None:
    watch.failures += 1
    # Goes out before the failure does: the next attempt counts on from it.
    activity.heartbeat(*watch.details)


def lost_start(task: SessionTask) -> StepError:
    """Nobody knows whether a session was started."""
    kind, labels = task.kind.kind, task.request.labels
    return StepError(
        FailureCategory.OUTCOME_UNKNOWN,
        f"{kind}: the session was being started when its worker or the answer was lost, and it "
        f"cannot be looked for. Look there for one of run {labels['rota_run']} (rota_key "
        f"{labels['rota_key'][:12]}…), stop it, then run again",
    )


def lost_look(session: ProviderSession, because: str = "") -> StepError:
    """Nobody knows what became of work that cannot be taken up."""
    where = session.url or session.id
    before = f"{because}. " if because else ""
    return StepError(
        FailureCategory.OUTCOME_UNKNOWN,
        f"{before}{session.kind}: the work was under way ({where}) when its worker or the answer "
        "was lost, and cannot be taken up. It may have been done, so it is not repeated: look, "
        "then run again; where the runtime has it, 'runtime.repeatable: true' allows to repeat",
    )
