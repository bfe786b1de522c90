"""Freezes on the server: which keepers there are, which are frozen, and both changed.

Nothing is declared by it, and no schedule is touched: whoever was paused before is so after.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError

from activities.encryption.foreign import own_memo
from rota.agent_spec import AgentSpec
from rota.ids import KEEPER_PREFIX, format_slot, keeper_id, keeper_queue
from rota.keepers.freeze import Freeze, FreezeChange, FreezeRequest, FreezeScope
from rota.list_query import KEEPERS
from rota.pipelines.spec import PipelineSpec
from rota.visibility import KEEPER_MEMO
from schedules.apply_errors import NoWorkerError
from schedules.changes import Action, AgentPlan, Step
from schedules.keepers import start_keeper


class FreezeRefusal(ValueError):
    """The keeper refuses the freeze; the message is its own."""


@dataclass(frozen=True)
class Freezable:
    """A keeper that can be frozen, as lists of keepers show it."""

    name: str
    kind: str
    team: str
    declared: bool
    """A declaration is in force."""
    freeze: Freeze | None
    task_queue: str
    graders: tuple[str, ...] = ()
    """The agents without whose word its runs fail."""

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        freeze = self.freeze.model_dump(mode="json") if self.freeze else None
        return {"agent": self.name, "kind": self.kind, "team": self.team, "freeze": freeze}


async def list_keepers(client: Client) -> list[Freezable]:
    """Return every keeper of the namespace, by name; needs no worker, and may lag a moment."""
    found = [
        _freezable(each, await own_memo(each, KEEPER_MEMO))
        async for each in client.list_workflows(KEEPERS)
    ]
    return sorted(found, key=lambda keeper: keeper.name)


def chosen(
    keepers: Collection[Freezable], names: Collection[str], team: str | None
) -> list[Freezable]:
    """Those named, those of `team`, or all that are declared or frozen if neither is given."""
    if names:
        return [keeper for keeper in keepers if keeper.name in names]
    some = [keeper for keeper in keepers if keeper.declared or keeper.freeze is not None]
    return [keeper for keeper in some if team is None or keeper.team == team]


def left_unjudged(keepers: Collection[Freezable], frozen: Collection[str]) -> list[str]:
    """What a freeze does to agents that are not frozen: one line for each grader that is.

    Args:
        keepers: All that there are.
        frozen: The names of those that were frozen just now.
    """
    at_work = [each for each in keepers if each.freeze is None and each.name not in frozen]
    graded = {one: [each.name for each in at_work if one in each.graders] for one in sorted(frozen)}
    return [
        f"{grader} grades {', '.join(names)}: until the thaw, runs fail there unjudged"
        for grader, names in graded.items()
        if names
    ]


def begun_frozen(planned: AgentPlan, keepers: Collection[Freezable], team: str) -> AgentPlan:
    """Return the plan with the freeze that its agent takes on, if there is one.

    A new one takes on its team's, or that of everything. One that moves to another team takes on
    that team's, beside one of its own: the later end holds.

    Args:
        planned: What happens to the agent.
        keepers: All that there are, as they stand.
        team: The agent's, as declared.
    """
    own = next((keeper for keeper in keepers if keeper.name == planned.agent), None)
    is_new = planned.action is Action.CREATE
    moves = own is not None and own.team != team
    scopes = (FreezeScope.TEAM, FreezeScope.ALL) if is_new else (FreezeScope.TEAM,)
    request = _inherited(keepers, team, scopes) if is_new or moves else None
    if request is None:
        return planned
    whose = "everything" if request.scope is FreezeScope.ALL else "its team"
    ends = f", until {format_slot(request.until)}" if request.until else ""
    begins = "it begins frozen" if is_new else f"it is frozen with its move to team {team}"
    note = f"{begins}, as {whose} is, by {request.by}: {request.reason}{ends}"
    update = {
        "freeze": request,
        "steps": (Step.FREEZE, *planned.steps),
        "notes": (*planned.notes, note),
    }
    return planned.model_copy(update=update)


async def freeze(
    client: Client, name: str, request: FreezeRequest, task_queue: str, timeout: timedelta
) -> FreezeChange:
    """Freeze one keeper. Idempotent by content.

    Raises:
        FreezeRefusal: the keeper says why.
        NoWorkerError: it did not answer within `timeout`.
    """
    return await _update(client, name, "freeze", request, task_queue, timeout)


async def thaw(
    client: Client, name: str, by: str, task_queue: str, timeout: timedelta
) -> FreezeChange:
    """Thaw one keeper. Idempotent.

    Raises:
        NoWorkerError: it did not answer within `timeout`.
    """
    return await _update(client, name, "thaw", by, task_queue, timeout)


async def begin_frozen(
    client: Client,
    spec: AgentSpec | PipelineSpec,
    request: FreezeRequest,
    task_queue: str,
    timeout: timedelta,
) -> None:
    """Start a keeper, if there is none, and freeze it before anything is declared. Idempotent.

    Raises:
        NoWorkerError: it did not answer within `timeout`.
    """
    await start_keeper(client, spec, task_queue)
    try:
        await freeze(client, spec.name, request, task_queue, timeout)
    except FreezeRefusal:
        # It has just ended by itself: then there is nothing to begin with.
        return


async def _update(
    client: Client, name: str, update: str, argument: Any, task_queue: str, timeout: timedelta
) -> FreezeChange:
    keeper = client.get_workflow_handle(keeper_id(name))
    try:
        return await keeper.execute_update(
            update, argument, result_type=FreezeChange, rpc_timeout=timeout
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NoWorkerError(task_queue) from None
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.type == "FreezeRefusedError":
            raise FreezeRefusal(f"{name}: {cause.message}") from error
        raise


def _inherited(
    keepers: Collection[Freezable], team: str, scopes: Collection[FreezeScope]
) -> FreezeRequest | None:
    """The freeze of those scopes that an agent of `team` takes on."""
    for keeper in keepers:
        held = keeper.freeze
        if held is None or held.scope not in scopes:
            continue
        if held.scope is FreezeScope.ALL or keeper.team == team:
            wanted = held.model_dump(include=set(FreezeRequest.model_fields))
            return FreezeRequest.model_validate(wanted)
    return None


def _freezable(keeper: WorkflowExecution, memo: dict[str, Any]) -> Freezable:
    held = memo.get("freeze")
    return Freezable(
        name=keeper.id.removeprefix(KEEPER_PREFIX),
        kind=str(memo.get("kind", "Agent")),
        team=str(memo.get("team", "")),
        declared=bool(memo.get("digest")),
        freeze=Freeze.model_validate(held) if held else None,
        task_queue=keeper.task_queue.removesuffix(keeper_queue("")),
        graders=tuple(memo.get("graders") or ()),
    )
