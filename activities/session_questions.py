"""What the agent's rules say to the calls that a provider asks about: allowed, or a person's.

Activity side. Where no rule speaks, a person is asked as for anything else.
"""

from collections.abc import Iterable
from typing import Any, cast

from activities.approval_gate import made_small, request_of_provider
from activities.session_request import SessionTask
from activities.stores.base import ObjectStore
from rota.session_runtime import Asked


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
