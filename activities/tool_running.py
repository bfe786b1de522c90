"""`run_tool`: one tool call, executed once, its result kept outside history."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from activities.approval_gate import Permit, permit_of
from activities.call_limits import calls_over_limit
from activities.documents import get_baseline, get_context, get_json, get_node, get_spec
from activities.effects import EffectGuard
from activities.heartbeat import heartbeating
from activities.interface import ToolRunning
from activities.mcp.tools import with_pins
from activities.memory_patches import patch_memory
from activities.safekeeping import kept
from activities.secrets import Secrets
from activities.step_errors import translated
from activities.step_meter import OK, measured_tool
from activities.stores.base import ObjectStore
from activities.tool_attempts import ToolAttempt, error_result
from activities.toolbox import Toolbox
from activities.tools.builtin import MEMORY_UPDATE
from activities.tools.call import ArgumentsError, check_arguments
from activities.tracing import tool_span
from rota.conversation import ToolCall
from rota.effects.records import EffectIntent
from rota.effects.steps import EffectLook
from rota.failures import FailureCategory
from rota.ids import parse_slot
from rota.model import canonical_json, content_digest
from rota.spans import conversation_of
from rota.steps import ToolInput
from rota.tools import Effect, ToolContext, ToolDefinition
from rota.turns.calls import ResultRef
from rota.turns.transcript import RunContext

log = logging.getLogger("rota.tools")


@dataclass(frozen=True)
class _Asked:
    """A call as its transcript has it."""

    call: ToolCall
    beside: tuple[ToolCall, ...]
    """All calls of its turn."""
    context: RunContext
    listed: tuple[str, ...]
    """The tools that the agent may call."""
    tool: ToolDefinition | None
    """None: it may not call this one, or this worker does not have it."""
    permit: Permit


class ToolRunningActivities(ToolRunning):
    """Runs the tools of one fleet."""

    def __init__(
        self,
        store: ObjectStore,
        toolbox: Toolbox,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._toolbox = toolbox
        self._now = now

    @activity.defn(name="run_tool")
    async def run_tool(self, input: ToolInput) -> ResultRef:
        """Execute one call.

        A refusal of the tool, bad arguments and a failure that outlived its retries are
        results with `is_error`, for the model to read. Only what the model cannot mend
        fails the run; a tool says so by a `StepError` of its own. A call that may have had an
        effect, which nobody saw the end of, comes back as `unknown`.

        Raises:
            ApplicationError: `transient` or `timeout`, retryable, of a read or idempotent
                tool, or of the store; what a tool's own `StepError` says; `invalid_request`,
                the call needs an approval and has none that is valid.
        Idempotency: the result is recorded under (run, turn, call, answers to its questions)
            before this returns, the first one for good, and that of an effect under its key
            before that; a store that stumbles is waited for. Between effect and record a crash
            repeats the call with the same key, except for write tools, which are looked for.
        Heartbeat: at its agent's pace, with the tool's own progress.
        """
        name = f"results/{_place(input)}"
        async with heartbeating("starting") as report:
            with translated(input):
                recorded = await self._store.get_ref(name)
                if recorded is not None:
                    return ResultRef.model_validate_json(recorded)
                result = await self._execute(input, report)
                if result.unknown is not None:
                    return result
                record = canonical_json(result.model_dump(mode="json"))
                # The first one stands: the run may go on with it, if this attempt was given up.
                first = await kept(lambda: self._store.set_ref(name, record, if_absent=True))
                return ResultRef.model_validate_json(first)

    @activity.defn(name="look_at_effect")
    async def look_at_effect(self, input: ToolInput) -> EffectLook:
        """Say what is known of a call that no attempt has answered; it is not made here.

        Raises:
            ApplicationError: `transient`, retryable, of the store.
        Idempotency: reads, and has the tool look; what it finds is recorded under the key.
        Heartbeat: at its agent's pace.
        """
        async with heartbeating("looking"):
            with translated(input):
                recorded = await self._store.get_ref(f"results/{_place(input)}")
                if recorded is not None:
                    return EffectLook(result=ResultRef.model_validate_json(recorded))
                asked = await self._asked(input)
                if asked.tool is None or asked.permit.refusal:
                    return EffectLook()
                try:
                    attempt = await self._attempt(input, asked, asked.tool, lambda _: None)
                except ArgumentsError:
                    return EffectLook()
                guard = attempt.guard
                found = await guard.look(input) if guard else None
                if found is not None:
                    found = _with_mark(_with_ruling(found, asked), asked.tool)
                return EffectLook(result=found)

    async def _execute(self, input: ToolInput, report: Callable[[str], None]) -> ResultRef:
        asked = await self._asked(input)
        if asked.permit.refusal:
            result = await self._refused(input, asked.permit.refusal)
        else:
            result = await self._made(input, asked, report)
        return _with_ruling(result, asked)

    async def _made(
        self, input: ToolInput, asked: _Asked, report: Callable[[str], None]
    ) -> ResultRef:
        if asked.tool is None:
            listed = ", ".join(asked.listed) or "none"
            text = f"there is no tool '{asked.call.name}'; you have: {listed}"
            return await self._refused(input, text)
        try:
            attempt = await self._attempt(input, asked, asked.tool, report)
        except ArgumentsError as error:
            return await self._error(input, str(error))
        if asked.tool.name == MEMORY_UPDATE:
            return await patch_memory(self._store, input, asked.context, asked.beside)
        conversation = conversation_of(input.agent, asked.context.session)
        with (
            tool_span(asked.tool, asked.call, conversation) as span,
            measured_tool(asked.tool.name) as step,
        ):
            result = await attempt.make()
            if result.unknown is not None:
                step.outcome = FailureCategory.OUTCOME_UNKNOWN.value
            elif result.is_error:
                step.outcome = FailureCategory.TOOL_FAILED.value
            if step.outcome != OK:
                span.failed(step.outcome)
            await span.read(self._store, result.digest)
        return _with_mark(result, asked.tool)

    async def _asked(self, input: ToolInput) -> _Asked:
        node = await get_node(self._store, input.head or "")
        context = await get_context(self._store, input.context)
        spec = await get_spec(self._store, context.spec.digest)
        call = node.reply.tool_calls[input.index]
        toolbox = await with_pins(self._store, self._toolbox, input.pins)
        tool = toolbox.get(call.name, spec.tools)
        over = await calls_over_limit(self._store, spec, toolbox, input.head or "")
        permit = Permit(call, over.get(input.index, ""))
        if tool is not None and not permit.refusal:
            permit = await permit_of(self._store, spec, context, tool, call, input.approval)
        calls = node.reply.tool_calls
        beside = (*calls[: input.index], permit.call, *calls[input.index + 1 :])
        return _Asked(permit.call, beside, context, spec.tools, tool, permit)

    async def _attempt(
        self,
        input: ToolInput,
        asked: _Asked,
        tool: ToolDefinition,
        report: Callable[[str], None],
    ) -> ToolAttempt:
        """Put together what an attempt at the call needs.

        Raises:
            ArgumentsError: the arguments do not fit.
        """
        args = check_arguments(tool, asked.call.args)
        context = asked.context
        secrets = Secrets()
        tool_context = ToolContext(
            idempotency_key=asked.call.key,
            agent=input.agent,
            run_id=context.run_id,
            slot=parse_slot(context.slot) if context.slot else None,
            fleet=self._toolbox.fleet,
            input=context.input,
            heartbeat=lambda text: report(_readable(secrets.redact(text))),
            log=secrets.logger(log, tool.name),
            secrets=secrets,
            fences=context.fences,
            connections=self._toolbox.connections,
            answers=input.answers,
            state=await get_json(self._store, input.state) if input.state else None,
            baseline=await get_baseline(self._store, context),
        )
        guard = None
        if tool.effect is not Effect.READ:
            intent = _intent(input, tool, asked.call.key, asked.call.args)
            guard = EffectGuard(
                self._store, tool, args, tool_context, intent, secrets=secrets, now=self._now
            )
        return ToolAttempt(self._store, input, tool, args, tool_context, secrets, guard)

    async def _error(self, input: ToolInput, text: str) -> ResultRef:
        return await error_result(self._store, input.index, text)

    async def _refused(self, input: ToolInput, text: str) -> ResultRef:
        return (await self._error(input, text)).model_copy(update={"refused": True})


def _with_ruling(result: ResultRef, asked: _Asked) -> ResultRef:
    """The result, and what was decided about its call."""
    ruling = asked.permit.ruling
    return result if ruling is None else result.model_copy(update={"approval": ruling})


def _with_mark(result: ResultRef, tool: ToolDefinition) -> ResultRef:
    """The result of a call that was made; errors of it are others' words, too."""
    return result.model_copy(update={"tainted": True}) if tool.untrusted else result


def _intent(
    input: ToolInput, tool: ToolDefinition, key: str, arguments: dict[str, Any]
) -> EffectIntent:
    info = activity.info()
    return EffectIntent(
        key=key,
        tool=tool.name,
        effect=tool.effect,
        agent=input.agent,
        run=input.run,
        node=input.head or "",
        index=input.index,
        arguments=content_digest(arguments),
        attempt=f"{info.activity_id}/{info.attempt}",
    )


def _place(input: ToolInput) -> str:
    """Which call of which turn it is, and how far its questions are answered."""
    answered = f"-{len(input.answers)}" if input.answers else ""
    return f"{input.run.key}/{input.head}/{input.index}{answered}"


def _readable(text: str) -> str:
    """Replace what UTF-8 has no form for, such as the odd bytes of a file's name."""
    return text.encode(errors="replace").decode()
