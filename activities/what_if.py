"""`open_case`, `serve_calls`: what a backtest's cases ask their worker.

Calls are answered from what the past run was told. Nothing here makes one.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from temporalio import activity

from activities.approval_gate import argument_problems, request_of
from activities.documents import (
    get_context,
    get_json,
    get_memory,
    get_spec,
    get_transcript,
)
from activities.heartbeat import heartbeating
from activities.interface import WhatIf
from activities.mcp.tools import with_pins
from activities.preflight import preflight
from activities.recorded_use import recorded_use
from activities.safekeeping import kept
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from activities.tools.builtin import MEMORY_UPDATE
from rota.agent_spec import AgentSpec
from rota.conversation import ToolCall
from rota.coordination.handoffs import handoff_of
from rota.failures import StepError
from rota.model import canonical_json
from rota.run_ref import RunRef
from rota.tools import Effect
from rota.turns.calls import ResultRef
from rota.turns.memory import apply_patches
from rota.turns.transcript import RunContext
from rota.usage import RunUse
from rota.what_if.backtest import (
    LENDER,
    CallSource,
    OpenCaseInput,
    OpenedCase,
    RecordedCall,
    Served,
    ServedCall,
    ServeInput,
    Tape,
    Unrecorded,
)

SHOWN = 200
"""Characters of a call's arguments that people are told."""
NOTED = b"noted; it takes effect when the run succeeds"


class WhatIfActivities(WhatIf):
    """Answers from the record, with the tools of one fleet at hand to tell what they are."""

    def __init__(self, store: ObjectStore, toolbox: Toolbox) -> None:
        self._store = store
        self._toolbox = toolbox

    @activity.defn(name="open_case")
    async def open_case(self, input: OpenCaseInput) -> OpenedCase:
        """Check that this worker can play the case, and say what its tools do.

        Raises:
            ApplicationError: `transient`, retryable, of the store.
        Idempotency: reads.
        Heartbeat: at its agent's pace.
        """
        async with heartbeating("reading"):
            with translated(input):
                _, spec, tape, toolbox = await self._case(input.context, input.tape, input.pins)
                try:
                    preflight(spec, self._toolbox, LENDER if input.dollars else "")
                except StepError as error:
                    return OpenedCase(blocked=str(error))
                names = sorted({*spec.tools, *(call.tool for call in tape.calls)})
                known = {name: _effect(name, toolbox) for name in names}
                return OpenedCase(effects={n: e for n, e in known.items() if e is not None})

    @activity.defn(name="serve_calls")
    async def serve_calls(self, input: ServeInput) -> Served:
        """Answer each call of the turn at `head` as the past run's was answered.

        Raises:
            ApplicationError: `transient`, retryable, of the store.
        Idempotency: the same turn is answered alike, however often.
        Heartbeat: at its agent's pace.
        """
        async with heartbeating("reading"):
            with translated(input):
                context, spec, tape, toolbox = await self._case(
                    input.context, input.tape, input.pins
                )
                *before, node = await get_transcript(self._store, input.head)
                earlier = Counter(
                    identity(call.name, call.args)
                    for each in before
                    for call in each.reply.tool_calls
                )
                server = _Server(self._store, input, context, spec, toolbox, tape, earlier)
                calls = enumerate(node.reply.tool_calls)
                return Served(calls=tuple([await server.serve(i, call) for i, call in calls]))

    @activity.defn(name="case_use")
    async def case_use(self, run: RunRef) -> RunUse:
        """Add up a case's answers, and its attempts that nobody saw the end of.

        Raises:
            ApplicationError: retryable, of the store.
        Idempotency: reads.
        """
        return RunUse(usage=await recorded_use(self._store, run))

    async def _case(
        self, context: str, tape: str, pins: str | None
    ) -> tuple[RunContext, AgentSpec, Tape, Toolbox]:
        """What the case is played with, read from the store."""
        known = await get_context(self._store, context)
        spec = await get_spec(self._store, known.spec.digest)
        played = Tape.model_validate(await get_json(self._store, tape))
        return known, spec, played, await with_pins(self._store, self._toolbox, pins)


class _Server:
    """Answers the calls of one turn, in their order."""

    def __init__(
        self,
        store: ObjectStore,
        input: ServeInput,
        context: RunContext,
        spec: AgentSpec,
        toolbox: Toolbox,
        tape: Tape,
        earlier: Counter[str],
    ) -> None:
        self._store = store
        self._input = input
        self._context = context
        self._spec = spec
        self._toolbox = toolbox
        self._tape = by_identity(tape.calls)
        self._made = earlier
        self._patches = list(input.patches)

    async def serve(self, index: int, call: ToolCall) -> ServedCall:
        """Answer one call."""
        key = identity(call.name, call.args)
        number, self._made[key] = self._made[key], self._made[key] + 1
        recorded = self._tape.get(key, ())
        if call.name == MEMORY_UPDATE:
            return await self._noted(index, call)
        if number < len(recorded):
            return _served(index, CallSource.RECORDED, recorded[number])
        tool = self._toolbox.get(call.name, self._spec.tools)
        if recorded and tool is not None and tool.effect is Effect.READ:
            return _served(index, CallSource.REPEATED, recorded[-1])
        handoff = handoff_of(call.name) is not None and call.name in self._spec.tools
        if tool is None and not handoff:
            listed = ", ".join(self._spec.tools) or "none"
            return await self._refused(index, f"there is no tool '{call.name}'; you have: {listed}")
        if problems := argument_problems(self._spec, tool, call):
            return await self._refused(index, problems)
        reads = tool is not None and tool.effect is Effect.READ
        if reads and self._input.unrecorded is Unrecorded.ASK and not self._needs_approval(call):
            return ServedCall(index=index, source=CallSource.READ, shown=shown(call))
        return ServedCall(index=index, source=CallSource.UNRECORDED, shown=shown(call))

    def _needs_approval(self, call: ToolCall) -> bool:
        tool = self._toolbox.get(call.name, self._spec.tools)
        return request_of(self._spec, self._context, tool, call) is not None

    async def _noted(self, index: int, call: ToolCall) -> ServedCall:
        """Keep a memory patch in the case: what it would have come to can be compared."""
        tool = self._toolbox.get(call.name, self._spec.tools)
        problem = "" if tool else f"there is no tool '{call.name}'"
        problem = problem or argument_problems(self._spec, tool, call)
        if not problem:
            memory = await get_memory(self._store, self._context.memory)
            before = [await get_json(self._store, digest) for digest in self._patches]
            try:
                document = memory.document if memory else {}
                apply_patches(document, [*before, call.args["patch"]])
            except ValueError as error:
                problem = str(error)
        if problem:
            return await self._refused(index, problem)
        data = canonical_json(call.args["patch"])
        patch = await kept(lambda: self._store.put(data))
        self._patches.append(patch)
        answer = await kept(lambda: self._store.put(NOTED))
        result = ResultRef(index=index, digest=answer, patch=patch)
        return ServedCall(index=index, source=CallSource.NOTED, result=result)

    async def _refused(self, index: int, text: str) -> ServedCall:
        digest = await kept(lambda: self._store.put(text.encode(errors="replace")))
        result = ResultRef(index=index, digest=digest, is_error=True)
        return ServedCall(index=index, source=CallSource.REFUSED, result=result)


def by_identity(calls: Sequence[RecordedCall]) -> dict[str, list[RecordedCall]]:
    """Recorded calls by what was called with which arguments, each list in their order."""
    found: dict[str, list[RecordedCall]] = {}
    for call in calls:
        found.setdefault(identity(call.tool, call.args), []).append(call)
    return found


def identity(tool: str, args: dict[str, Any]) -> str:
    """The same for the same call: tool and arguments, whatever their order."""
    return f"{tool} {canonical_json(args).decode()}"


def shown(call: ToolCall) -> str:
    """A call in one line for people."""
    text = json.dumps(call.args, ensure_ascii=False)
    return f"{call.name} {text if len(text) <= SHOWN else f'{text[:SHOWN]}…'}"


def _served(index: int, source: CallSource, call: RecordedCall) -> ServedCall:
    result = ResultRef(index=index, digest=call.content, is_error=call.is_error)
    return ServedCall(index=index, source=source, result=result)


def _effect(name: str, toolbox: Toolbox) -> Effect | None:
    """What a tool does; None if this worker does not know it. A handoff starts a run."""
    if handoff_of(name) is not None:
        return Effect.WRITE
    tool = toolbox.get(name, (name,))
    return tool.effect if tool else None
