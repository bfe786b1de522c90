"""Which calls of a turn are over the agent's limits, as its transcript tells.

Activity side. Asked where a turn is recorded, so that nobody is bothered with a call that is not
made, and again before a call, so that no more are made whatever the run says.
"""

from activities.approval_gate import argument_problems
from activities.documents import get_transcript
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.conversation import ToolCall
from rota.tool_limits import refusals


async def calls_over_limit(
    store: ObjectStore, spec: AgentSpec, toolbox: Toolbox, head: str
) -> dict[int, str]:
    """Say why calls of the turn at `head` are not made, by their index; none if all may be.

    A call that the agent has no tool for, or whose arguments do not fit, uses nothing up: it is
    refused anyway. One that a person denies does.

    Args:
        store: Where the transcript is; read only if the agent has such limits.
        spec: The agent's.
        toolbox: With the tools that servers offer to this run.
        head: The turn's node.
    """
    if not spec.limits.limit_calls:
        return {}
    nodes = await get_transcript(store, head)
    calls = [
        (node is nodes[-1], index, call)
        for node in nodes
        for index, call in enumerate(node.reply.tool_calls)
        if _could_be_made(spec, toolbox, call)
    ]
    said = refusals(spec.limits, (call.name for _, _, call in calls))
    return {
        index: text for (newest, index, _), text in zip(calls, said, strict=True) if newest and text
    }


def _could_be_made(spec: AgentSpec, toolbox: Toolbox, call: ToolCall) -> bool:
    tool = toolbox.get(call.name, spec.tools)
    return call.name in spec.tools and not argument_problems(spec, tool, call)
