"""The tools of a turn: what the model is offered, and what its calls refer to.

Activity side. The same for runtimes that answer turn by turn and for sessions that work by
themselves: whoever asks for a tool, the run executes it.
"""

from activities.approval_gate import is_answered, made_small, request_of
from activities.call_limits import calls_over_limit
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.conversation import ToolCall, ToolSchema
from rota.coordination.handoffs import handoff_of, handoff_schema
from rota.failures import FailureCategory, StepError
from rota.model import canonical_json
from rota.tools import Effect
from rota.turns.calls import CallRef
from rota.turns.transcript import RunContext

INLINE_ARGUMENTS_OF_A_TURN = 16 * 1024
"""Bytes of arguments that travel with the requests of one turn, which may make many calls."""


def offered_tools(spec: AgentSpec, toolbox: Toolbox) -> tuple[ToolSchema, ...]:
    """The agent's tools as a model sees them, in the order it lists them.

    Raises:
        StepError: `invalid_request`, this worker lacks one of them.
    """
    if missing := toolbox.missing(spec.tools):
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"this worker has no tool {', '.join(missing)}; it has: " + ", ".join(toolbox.names),
        )
    schemas = (_schema(name, spec, toolbox) for name in spec.tools)
    return tuple(schema for schema in schemas if schema is not None)


async def call_refs(
    store: ObjectStore,
    spec: AgentSpec,
    context: RunContext,
    toolbox: Toolbox,
    calls: tuple[ToolCall, ...],
    head: str,
) -> tuple[CallRef, ...]:
    """What the run needs to know of each call, in the calls' order; whom it has to ask first.

    Args:
        store: Where the transcript is.
        spec: The agent's.
        context: The run's.
        toolbox: With the tools that servers offer to this run.
        calls: Those of the turn at `head`, or none.
        head: The turn's node.
    """
    refs: list[CallRef] = []
    room = INLINE_ARGUMENTS_OF_A_TURN
    over = await calls_over_limit(store, spec, toolbox, head) if calls else {}
    for index, call in enumerate(calls):
        # One that is not made needs nobody's approval, and no run of another agent.
        refused = index in over
        ref = CallRef(index=index, name=call.name)
        ref = ref if refused else _call_ref(spec, toolbox, index, call)
        request, tool = None, toolbox.get(call.name, spec.tools)
        if ref.effect is not None:
            request = request_of(spec, context, tool, call)
        if request is not None and not await is_answered(store, tool, call):
            small = await made_small(store, request, room)
            room -= len(canonical_json(small.arguments)) if small.arguments is not None else 0
            ref = ref.model_copy(update={"approval": small})
        refs.append(ref)
    return tuple(refs)


def _schema(name: str, spec: AgentSpec, toolbox: Toolbox) -> ToolSchema | None:
    handoff = handoff_of(name)
    if handoff is not None:
        return handoff_schema(name, handoff, spec.handoffs.get(handoff.agent))
    tool = toolbox.get(name, spec.tools)
    return tool.schema if tool else None


def _call_ref(spec: AgentSpec, toolbox: Toolbox, index: int, call: ToolCall) -> CallRef:
    handoff = handoff_of(call.name) if call.name in spec.tools else None
    if handoff is not None:
        # Its run is found again by its id, and repeats no effect by its occasion.
        effect = Effect.IDEMPOTENT
        return CallRef(index=index, name=call.name, effect=effect, handoff=handoff.mode)
    tool = toolbox.get(call.name, spec.tools)
    if tool is None:
        return CallRef(index=index, name=call.name)
    return CallRef(
        index=index,
        name=call.name,
        effect=tool.effect,
        timeout_seconds=tool.timeout.total_seconds(),
    )
