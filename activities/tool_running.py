"""`run_tool`: one tool call, executed once, its result kept outside history."""

import asyncio
import logging
from collections.abc import Callable, Coroutine

from temporalio import activity

from activities.documents import get_context, get_json, get_memory, get_node, get_spec
from activities.heartbeat import heartbeating
from activities.interface import ToolRunning
from activities.mcp.tools import with_pins
from activities.safekeeping import kept
from activities.secrets import Secrets
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from activities.tool_questions import UnaskableError, question_of
from activities.toolbox import Toolbox
from activities.tools.builtin import MEMORY_UPDATE, memory_update
from activities.tools.call import ArgumentsError, call_tool, check_arguments
from rota.conversation import ToolCall
from rota.durations import format_duration
from rota.failures import MESSAGE_LIMIT, FailureCategory, StepError
from rota.ids import parse_slot
from rota.loop import ResultRef
from rota.memory import apply_patches
from rota.model import canonical_json
from rota.steps import ToolInput
from rota.tools import Effect, NeedsAnswer, ToolContext, ToolDefinition, ToolError
from rota.transcript import RunContext

log = logging.getLogger("rota.tools")


async def _seen_to_its_end(tool: ToolDefinition, call: Coroutine[None, None, str]) -> str:
    """Await `call`; a run that is cancelled meanwhile still learns of its effect.

    A read has none, so it is dropped; and a worker that stops takes its tools with it.
    """
    running = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        details = activity.cancellation_details()
        if tool.effect is not Effect.READ and details is not None and details.cancel_requested:
            return await running
        running.cancel()
        raise


class ToolRunningActivities(ToolRunning):
    """Runs the tools of one fleet."""

    def __init__(self, store: ObjectStore, toolbox: Toolbox) -> None:
        self._store = store
        self._toolbox = toolbox

    @activity.defn(name="run_tool")
    async def run_tool(self, input: ToolInput) -> ResultRef:
        """Execute one call.

        A refusal of the tool, bad arguments and a failure that outlived its retries are
        results with `is_error`, for the model to read. Only what the model cannot mend
        fails the run; a tool says so by a `StepError` of its own.

        Raises:
            ApplicationError: `transient` or `timeout`, retryable, of a read or idempotent
                tool, or of the store; what a tool's own `StepError` says; `outcome_unknown`,
                final, of a write tool whose effect nobody saw the end of.
        Idempotency: the result is recorded under (run, turn, call, answers to its questions)
            before this returns;
            a store that stumbles is waited for. Between effect and record a crash repeats
            the call with the same key, except for write tools, which are never repeated.
        Heartbeat: every second, with the tool's own progress.
        """
        name = f"results/{_place(input)}"
        async with heartbeating("starting") as report:
            with translated(input):
                recorded = await self._store.get_ref(name)
                if recorded is not None:
                    return ResultRef.model_validate_json(recorded)
                result = await self._execute(input, report)
                record = canonical_json(result.model_dump(mode="json"))
                await kept(lambda: self._store.set_ref(name, record))
                return result

    async def _execute(self, input: ToolInput, report: Callable[[str], None]) -> ResultRef:
        node = await get_node(self._store, input.head or "")
        context = await get_context(self._store, input.context)
        spec = await get_spec(self._store, context.spec.digest)
        call = node.reply.tool_calls[input.index]
        toolbox = await with_pins(self._store, self._toolbox, input.pins)
        tool = toolbox.get(call.name, spec.tools)
        if tool is None:
            listed = ", ".join(spec.tools) or "none"
            return await self._error(input, f"there is no tool '{call.name}'; you have: {listed}")
        try:
            args = check_arguments(tool, call.args)
        except ArgumentsError as error:
            return await self._error(input, str(error))
        if tool.name == MEMORY_UPDATE:
            return await self._patch_memory(input, context, node.reply.tool_calls)
        secrets = Secrets()
        tool_context = ToolContext(
            idempotency_key=call.key,
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
        )
        await self._refuse_blind_repeat(input, tool)
        try:
            # Its own limit, below Temporal's, so that a slow tool is named as such.
            async with asyncio.timeout(tool.timeout.total_seconds()):
                text = await _seen_to_its_end(tool, call_tool(tool, args, tool_context))
        except ToolError as error:
            return await self._error(input, secrets.redact(str(error)))
        except NeedsAnswer as asked:
            try:
                return await question_of(self._store, input, tool.name, asked, secrets)
            except UnaskableError as error:
                return await self._error(input, str(error))
        except Exception as error:  # noqa: BLE001 - a tool may raise anything at all
            return await self._failed(input, tool, error, secrets)
        content = secrets.redact(text).encode(errors="replace")
        return ResultRef(index=input.index, digest=await kept(lambda: self._store.put(content)))

    async def _failed(
        self, input: ToolInput, tool: ToolDefinition, error: Exception, secrets: Secrets
    ) -> ResultRef:
        """Decide what a failure of a tool leads to: one it classified, or any other."""
        timed_out = isinstance(error, TimeoutError)
        classified = error if isinstance(error, StepError) else None
        if timed_out:
            what = f"no answer within {format_duration(tool.timeout)}"
        else:
            what = str(error) if classified else f"{type(error).__name__}: {error}"
        message = secrets.redact(f"{tool.name}: {what}")
        secrets.logger(log, tool.name).warning(
            "failed in attempt %d", activity.info().attempt, exc_info=error
        )
        # `from None` below: the cause would travel into history as it is, secrets and all.
        if classified and not classified.category.retryable:
            raise StepError(classified.category, message) from None
        if tool.effect is Effect.WRITE:
            # Refused before it had an effect: known, so there is nothing to look for.
            if classified and not classified.maybe_billed:
                return await self._error(input, message)
            raise StepError(
                FailureCategory.OUTCOME_UNKNOWN,
                f"{message}. It may have taken effect, so it is not repeated: look, then "
                "run the slot again",
            ) from None
        if activity.info().attempt >= input.attempts:
            text = f"{message} (after {input.attempts} attempts)"
            return await self._error(input, text)
        if classified:
            retry_after = classified.retry_after
            raise StepError(classified.category, message, retry_after=retry_after) from None
        category = FailureCategory.TIMEOUT if timed_out else FailureCategory.TRANSIENT
        raise StepError(category, message) from None

    async def _refuse_blind_repeat(self, input: ToolInput, tool: ToolDefinition) -> None:
        """Let a write tool start once only."""
        if tool.effect is not Effect.WRITE:
            return
        name = f"started/{_place(input)}"
        attempt = str(activity.info().attempt).encode()
        # Tried again within the attempt: a mark that was set although the store failed would
        # keep the next attempt from ever starting the tool.
        first = await kept(lambda: self._store.set_ref(name, attempt, if_absent=True))
        if first != attempt:
            raise StepError(
                FailureCategory.OUTCOME_UNKNOWN,
                f"{tool.name} was started and its worker lost, or the store out of reach, before "
                "its result was recorded. It may have taken effect, so it is not repeated: "
                "look, then run the slot again",
            )

    async def _patch_memory(
        self, input: ToolInput, context: RunContext, calls: tuple[ToolCall, ...]
    ) -> ResultRef:
        memory = await get_memory(self._store, context.memory)
        document = memory.document if memory else {}
        patches = [await get_json(self._store, digest) for digest in input.patches]
        refusal: ValueError | None = None
        # Of this turn's updates too, each in turn by the same rule: they run at the same time,
        # and their patches are applied one after the other.
        for call in calls[: input.index + 1]:
            if call.name != MEMORY_UPDATE:
                continue
            try:
                check_arguments(memory_update, call.args)
                apply_patches(document, [*patches, call.args["patch"]])
            except ValueError as error:
                refusal = error
            else:
                refusal = None
                patches.append(call.args["patch"])
        if refusal is not None:
            return await self._error(input, str(refusal))
        patch = await self._store.put(canonical_json(patches[-1]))
        answer = await self._store.put(b"noted; it takes effect when the run succeeds")
        return ResultRef(index=input.index, digest=answer, patch=patch)

    async def _error(self, input: ToolInput, text: str) -> ResultRef:
        content = text[:MESSAGE_LIMIT].encode(errors="replace")
        digest = await kept(lambda: self._store.put(content))
        return ResultRef(index=input.index, digest=digest, is_error=True)


def _place(input: ToolInput) -> str:
    """Which call of which turn it is, and how far its questions are answered."""
    answered = f"-{len(input.answers)}" if input.answers else ""
    return f"{input.run.key}/{input.head}/{input.index}{answered}"


def _readable(text: str) -> str:
    """Replace what UTF-8 has no form for, such as the odd bytes of a file's name."""
    return text.encode(errors="replace").decode()
