"""Handing facts to notifiers, from runs and keepers alike. Never fails, and never takes long."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.interface import Notifying
    from rota.ids import run_queue
    from rota.notifications import Fact, PostInput, wants
    from rota.notify_spec import NotifySpec
    from workflows.notify_options import post_options


async def post(notify: Sequence[NotifySpec], *facts: Fact) -> None:
    """Tell those of `facts` that somebody wants to hear of; no event at all if nobody does.

    What cannot be handed over within seconds is logged, and not told.
    """
    wanted = tuple(fact for fact in facts if wants(notify, fact.occasion))
    if not wanted:
        return
    input = PostInput(
        facts=wanted,
        notify=tuple(notify),
        task_queue=run_queue(workflow.info().task_queue),
    )
    names = ", ".join(fact.occasion.value for fact in wanted)
    try:
        await workflow.execute_local_activity_method(
            Notifying.post_facts, input, summary=f"tell: {names}"[:200], **post_options()
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.warning("nobody was told (%s): %s", names, error.cause or error)
