"""What the agent's rules say to the calls that a provider asks about: allowed, or a person's.

Activity side. Where no rule speaks, a person is asked as for anything else. What a run has made
of a decision is checked before the provider is told, as before any other call.
"""

from collections.abc import Iterable
from typing import Any, cast

from activities.approval_gate import made_small, request_of_provider
from activities.sessions.log import SessionLog
from activities.sessions.request import SessionTask
from activities.stores.base import ObjectStore
from rota.approvals.requests import Ruling
from rota.approvals.rules import why_forged
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import Asked
from rota.steps import AnswerInput


async def judged(
    store: ObjectStore, task: SessionTask, asked: Iterable[Asked]
) -> tuple[Asked, ...]:
    """Return what is asked, with what the agent's `approvals` make of it.

    The arguments themselves stay behind: short ones are in the request, others in the store.
    """
    return tuple([await _judged(store, task, each) for each in asked])


async def _judged(store: ObjectStore, task: SessionTask, asked: Asked) -> Asked:
    tool, args = asked.data.get("tool"), asked.data.get("args")
    if args is not None:
        data = {key: value for key, value in asked.data.items() if key != "args"}
        asked = asked.model_copy(update={"data": data})
    if not isinstance(tool, str):
        return asked
    arguments = cast("dict[str, Any]", args) if isinstance(args, dict) else {}
    found = request_of_provider(task.spec, task.context, tool, arguments, asked.id)
    if found is None:
        return asked
    if found is True:
        return asked.model_copy(update={"allowed": True})
    return asked.model_copy(update={"approval": await made_small(store, found)})


async def must_be_allowed(log: SessionLog, task: SessionTask, input: AnswerInput) -> None:
    """Look up what was asked, and refuse to allow what nobody has approved.

    Raises:
        StepError: `invalid_request`: a rule asks for an approval, and the run brings none that
            is of this call; or it was never asked.
    """
    seen = await log.seen(input.turn - 1, input.asked)
    asked = {each.id: each for each in (seen.observed.questions if seen else ())}
    for id in (id for id, denied in input.decisions.items() if not denied):
        why = _why_not(asked.get(id), input.rulings.get(id), task.context.requester)
        if why:
            text = f"{task.kind.kind}: '{id}' was not allowed: {why}"
            raise StepError(FailureCategory.INVALID_REQUEST, text)


def _why_not(asked: Asked | None, ruling: Ruling | None, requester: str) -> str:
    if asked is None:
        return "the provider has not asked that"
    if asked.approval is None:
        # By a rule, or by somebody's answer to a question, which is the run's to take.
        return ""
    if ruling is None:
        return f"it needs an approval (approvals.{asked.approval.key}), and the run brings none"
    return why_forged(ruling, asked.approval, requester)
