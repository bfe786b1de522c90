"""The conversation that a run goes on with: read, and told of plainly where it cannot be.

Activity side. A conversation that is lost, or longer than its model can read, would fail
every later run of its session the same way: the failure says how to begin anew.
"""

import shlex
from collections.abc import Generator
from contextlib import contextmanager

from activities.documents import get_conversation
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.failures import FailureCategory, StepError
from rota.steps import StepInput
from rota.turns.transcript import RunContext, TranscriptNode


async def earlier_turns(
    store: ObjectStore, input: StepInput, context: RunContext
) -> list[TranscriptNode]:
    """Read what was said before this step, in this run and in those it goes on from.

    Raises:
        StepError: `invalid_request`: an earlier run's part is not in the store.
    """
    try:
        return await get_conversation(store, input.head or context.conversation)
    except ObjectMissingError as error:
        if context.conversation is None:
            raise
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"the conversation of session '{context.session}' is not whole in this worker's "
            f"store ({store.address}): give all workers the same ROTA_STORE, or "
            f"{begin_anew(context)}",
        ) from error


@contextmanager
def too_long_told(context: RunContext) -> Generator[None]:
    """Say how to mend a conversation with which no run can begin."""
    try:
        yield
    except StepError as error:
        if error.category is FailureCategory.CONTEXT_OVERFLOW and context.conversation is not None:
            error.args = (f"{error}; {shorter_next_time(context)}",)
        raise


def shorter_next_time(context: RunContext) -> str:
    """What a person does about a conversation that no longer fits into the model's window."""
    return f"lower session.compact_above for the next time, and {begin_anew(context)}"


def begin_anew(context: RunContext) -> str:
    """What a person does so that the session's next run has an empty conversation."""
    words = ["rota", "memory", "reset-conversation", context.spec.name, "--session"]
    return f"let it begin anew: '{shlex.join([*words, context.session])}'"
