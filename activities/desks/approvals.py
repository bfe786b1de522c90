"""`check_edit`: whether arguments that a person wrote fit the tool, before the decision counts."""

from temporalio import activity

from activities.approval_gate import argument_problems
from activities.documents import get_context, get_node, get_spec
from activities.interface import ApprovalDesk
from activities.mcp.tools import with_pins
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from rota.approvals.requests import EditChecked
from rota.steps import ToolInput


class ApprovalDeskActivities(ApprovalDesk):
    """Knows the tools of one fleet; the workflows run it as a local activity."""

    def __init__(self, store: ObjectStore, toolbox: Toolbox) -> None:
        self._store = store
        self._toolbox = toolbox

    @activity.defn(name="check_edit")
    async def check_edit(self, input: ToolInput) -> EditChecked:
        """Say what is wrong with the arguments of an edit, `input.approval`.

        Raises:
            ApplicationError: `transient`, retryable, of the store.
        Idempotency: reads only. Whoever makes the call checks the arguments again.
        """
        with translated(input):
            node = await get_node(self._store, input.head or "")
            context = await get_context(self._store, input.context)
            spec = await get_spec(self._store, context.spec.digest)
            toolbox = await with_pins(self._store, self._toolbox, input.pins)
            call = node.reply.tool_calls[input.index]
            ruling = input.approval
            if ruling is None or ruling.arguments is None:
                return EditChecked(problem="there are no arguments to look at")
            edited = call.model_copy(update={"args": ruling.arguments})
            tool = toolbox.get(call.name, spec.tools)
            return EditChecked(problem=argument_problems(spec, tool, edited))
