"""`open_handoff`, `close_handoff`: from a tool call to another agent's run, and back."""

import json
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.approval_gate import argument_problems, permit_of
from activities.call_limits import calls_over_limit
from activities.documents import get_context, get_node, get_spec
from activities.interface import HandoffDesk
from activities.mcp.tools import with_pins
from activities.safekeeping import kept
from activities.server_errors import is_missing
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.budgets.reservations import Cap
from rota.coordination.handoff_steps import CloseHandoffInput, OpenedHandoff, OpenHandoffInput
from rota.coordination.handoffs import called_run, failure_text, handoff_of, refusal
from rota.failures import MESSAGE_LIMIT
from rota.ids import handoff_run_id, keeper_id
from rota.model import canonical_json
from rota.pinned_spec import PinnedSpec
from rota.runs import AgentRunResult
from rota.steps import ToolInput
from rota.turns.calls import AnswerRef, HandoffMode, ResultRef
from rota.visibility import KEEPER_MEMO


class HandoffDeskActivities(HandoffDesk):
    """Short look-ups; the workflows run them as local activities."""

    def __init__(self, client: Client, store: ObjectStore, toolbox: Toolbox) -> None:
        self._client = client
        self._store = store
        self._toolbox = toolbox

    @activity.defn(name="open_handoff")
    async def open_handoff(self, input: OpenHandoffInput) -> OpenedHandoff:
        """Check the call, and make the input of the run that it asks for.

        What the model can mend, or has to live without, is a refusal for it to read.

        Raises:
            ApplicationError: `transient`, retryable, of the store; `invalid_request`, the call
                needs an approval and has none that is valid.
        Idempotency: the answer is recorded under (run, turn, call), so the same child is
            asked for however the agents are declared meanwhile; a call that already has a
            result asks for none.
        """
        with translated(input):
            result = await self._store.get_ref(_result_name(input))
            if result is not None:
                return OpenedHandoff(answered=ResultRef.model_validate_json(result))
            name = f"handoffs/{input.run.key}/{input.head}/{input.index}"
            recorded = await self._store.get_ref(name)
            if recorded is None:
                opened = await self._open(input)
                record = canonical_json(opened.model_dump(mode="json"))
                recorded = await self._store.set_ref(name, record, if_absent=True)
            return OpenedHandoff.model_validate_json(recorded)

    @activity.defn(name="close_handoff")
    async def close_handoff(self, input: CloseHandoffInput) -> ResultRef:
        """Record how the call ended: its output, or why there is none, as a tool's error.

        Raises:
            ApplicationError: `transient`, retryable, of the store.
        Idempotency: the result is recorded under (run, turn, call), the first one for good.
        """
        with translated(input):
            node = await get_node(self._store, input.head or "")
            handoff = handoff_of(node.reply.tool_calls[input.index].name)
            transfer = handoff is not None and handoff.mode is HandoffMode.TRANSFER
            if input.failure:
                result = await self._error(input, input.failure)
            elif transfer:
                result = await self._transferred(input)
            else:
                result = await self._returned(input, input.result)
            if input.result is not None and input.result.tainted:
                result = result.model_copy(update={"tainted": True})
            if input.approval is not None:
                ruling = input.approval.for_the_record
                result = result.model_copy(update={"approval": ruling})
            result = result.model_copy(update={"below": input.below})
            record = canonical_json(result.model_dump(mode="json"))
            name = _result_name(input)
            first = await kept(lambda: self._store.set_ref(name, record, if_absent=True))
            return ResultRef.model_validate_json(first)

    async def _open(self, input: OpenHandoffInput) -> OpenedHandoff:
        node = await get_node(self._store, input.head or "")
        context = await get_context(self._store, input.context)
        call = node.reply.tool_calls[input.index]
        spec = await get_spec(self._store, context.spec.digest)
        handoff = handoff_of(call.name) if call.name in spec.tools else None
        if handoff is None:
            listed = ", ".join(spec.tools) or "none"
            refused = f"there is no agent to call by '{call.name}'; you have: {listed}"
        else:
            refused = refusal(handoff.agent, input.agent, context.lineage)
            refused = refused or await self._uncallable(handoff.agent)
            refused = refused or await self._over_limit(input, spec)
        if handoff is None or refused:
            answered = await self._error(input, refused or "")
            return OpenedHandoff(answered=answered.model_copy(update={"refused": True}))
        permit = await permit_of(self._store, spec, context, None, call, input.approval)
        call = permit.call
        refused = permit.refusal or argument_problems(spec, None, call)
        if refused:
            answered = await self._error(input, refused)
            changes = {"approval": permit.ruling, "refused": bool(permit.refusal)}
            answered = answered.model_copy(update=changes)
            return OpenedHandoff(answered=answered)
        child = called_run(
            handoff.agent,
            call.args,
            caller=input.agent,
            context=context,
            terms=input,
            mode=handoff.mode,
            occasion=call.key,
        )
        child_id = handoff_run_id(context.run_id, handoff.agent, input.turn, input.index)
        most = await self._most(handoff.agent, input.allowance or Cap())
        return OpenedHandoff(child=child, child_id=child_id, most=most)

    async def _over_limit(self, input: ToolInput, spec: AgentSpec) -> str | None:
        """Count again, as before any other call: what the run says of its calls is not believed."""
        toolbox = await with_pins(self._store, self._toolbox, input.pins)
        over = await calls_over_limit(self._store, spec, toolbox, input.head or "")
        return over.get(input.index)

    async def _uncallable(self, agent: str) -> str | None:
        """Look before a run is started that nobody could admit."""
        in_force = await self._in_force(agent)
        if in_force.get("digest"):
            if in_force.get("kind") != "Pipeline":
                return None
            return f"agents.{agent}: '{agent}' is a pipeline and cannot be called; go on without it"
        return f"agents.{agent}: no agent '{agent}' is declared here; go on without it"

    async def _most(self, agent: str, lent: Cap) -> Cap:
        """What a run of `agent` may use of what it is lent: no more than its own limits let it."""
        digest = (await self._in_force(agent)).get("digest") if lent.is_limit else None
        if not digest:
            return lent
        own = PinnedSpec.of(await get_spec(self._store, digest), fleet="")
        return lent.smaller(Cap(micros=own.run_micros, tokens=own.run_tokens))

    async def _in_force(self, agent: str) -> dict[str, Any]:
        """What the agent's keeper says of its declaration; nothing without a keeper."""
        try:
            description = await self._client.get_workflow_handle(keeper_id(agent)).describe()
        except RPCError as error:
            if not is_missing(error):
                raise
            return {}
        return await description.memo_value(KEEPER_MEMO, {})

    async def _returned(self, input: CloseHandoffInput, result: AgentRunResult | None) -> ResultRef:
        if result is None:
            return await self._error(input, f"agents.{input.agent_called}: it left no result")
        failure = failure_text(input.agent_called, result)
        if failure is not None:
            return await self._error(input, failure)
        output: Any = result.output
        if result.output_digest is not None:
            output = json.loads(await self._store.get(result.output_digest))
        # As a tool's own result is shown: text as it is, the rest as JSON.
        text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        content = text.encode(errors="replace")
        return ResultRef(index=input.index, digest=await kept(lambda: self._store.put(content)))

    async def _transferred(self, input: CloseHandoffInput) -> ResultRef:
        output = {"transferred_to": {"agent": input.agent_called, "run_id": input.child_id}}
        digest = await kept(lambda: self._store.put(canonical_json(output)))
        answer = AnswerRef(digest=digest, output=output)
        return ResultRef(index=input.index, digest=digest, transfer=answer)

    async def _error(self, input: ToolInput, text: str) -> ResultRef:
        content = text[:MESSAGE_LIMIT].encode(errors="replace")
        digest = await kept(lambda: self._store.put(content))
        return ResultRef(index=input.index, digest=digest, is_error=True)


def _result_name(input: ToolInput) -> str:
    return f"results/{input.run.key}/{input.head}/{input.index}"
