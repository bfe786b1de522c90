"""One attempt at one tool call: made, its failure classified, its effect seen to the end.

Activity side. What a failure leads to depends on the tool's effect: a read or idempotent call is
made again, a write is looked for, and nobody's guess takes the place of knowing.
"""

import asyncio
import inspect
import logging
from dataclasses import dataclass

from pydantic import BaseModel
from temporalio import activity

from activities.effects import EffectGuard
from activities.safekeeping import kept
from activities.secrets import Secrets
from activities.seen_to_end import seen_to_end
from activities.stores.base import ObjectStore
from activities.tool_questions import UnaskableError, question_of
from activities.tools.call import call_tool
from rota.failures import MESSAGE_LIMIT, FailureCategory, StepError
from rota.language.durations import format_duration
from rota.steps import ToolInput
from rota.tools import Effect, NeedsAnswer, ToolContext, ToolDefinition, ToolError
from rota.turns.calls import ResultRef

log = logging.getLogger("rota.tools")

_MAYBE_DONE = (
    "It may have taken effect all the same; exactly this call again does nothing a second time"
)


async def error_result(store: ObjectStore, index: int, text: str) -> ResultRef:
    """A result that the model reads as an error."""
    content = text[:MESSAGE_LIMIT].encode(errors="replace")
    digest = await kept(lambda: store.put(content))
    return ResultRef(index=index, digest=digest, is_error=True)


@dataclass(frozen=True)
class ToolAttempt:
    """A call that is known to be allowed and to fit its tool."""

    store: ObjectStore
    input: ToolInput
    tool: ToolDefinition
    args: BaseModel
    context: ToolContext
    secrets: Secrets
    guard: EffectGuard | None
    """Of its effect; None of a read, which has none."""

    async def make(self) -> ResultRef:
        """Make the call, unless what is on record of its effect says otherwise.

        Raises:
            StepError: what failed, to be tried again or not; see `ToolRunningActivities`.
        """
        if self.guard is not None:
            known = await self.guard.enter(self.input)
            if known is not None:
                return known
        seconds = await self._seconds()
        try:
            # Its own limit, below Temporal's, so that a slow tool is named as such.
            async with asyncio.timeout(seconds):
                call = call_tool(self.tool, self.args, self.context)
                text = await seen_to_end(call, self._matters)
        except ToolError as error:
            return await self._refused(self.secrets.redact(str(error)))
        except NeedsAnswer as asked:
            return await self._asked(asked)
        except Exception as error:  # noqa: BLE001 - a tool may raise anything at all
            return await self._failed(error)
        content = self.secrets.redact(text).encode(errors="replace")
        digest = await kept(lambda: self.store.put(content))
        if self.guard is not None:
            return await self.guard.happened(digest)
        return ResultRef(index=self.input.index, digest=digest)

    def _matters(self, left: activity.ActivityCancellationDetails) -> bool:
        """A run that is cancelled meanwhile still learns of its effect.

        A read has none, so it is dropped; and a worker that stops takes its tools with it.
        """
        return self.tool.effect is not Effect.READ and left.cancel_requested

    async def _seconds(self) -> float:
        """How long the call may take.

        Raises:
            StepError: no time is left: the store took it to put the intent on record.
        """
        seconds = self.tool.timeout.total_seconds()
        if self.guard is None:
            return seconds
        seconds = min(seconds, self.guard.seconds_left)
        if seconds <= 0:
            text = f"{self.tool.name}: the store took too long to begin the call"
            await self.guard.refused(text)
            raise StepError(FailureCategory.TRANSIENT, text)
        return seconds

    async def _refused(self, text: str) -> ResultRef:
        """The tool says no: known to have had no effect."""
        if self.guard is not None:
            await self.guard.refused(text)
        return await self._error(text)

    async def _error(self, text: str) -> ResultRef:
        """What the model reads of a call without a result, of this attempt or of all."""
        if self.guard is None or not self.guard.is_open:
            return await error_result(self.store, self.input.index, text)
        result = await error_result(self.store, self.input.index, f"{text}. {_MAYBE_DONE}")
        return result.model_copy(update={"lost": True})

    async def _asked(self, asked: NeedsAnswer) -> ResultRef:
        if self.guard is not None:
            await self.guard.refused("it asked a person first")
        try:
            return await question_of(self.store, self.input, self.tool.name, asked, self.secrets)
        except UnaskableError as error:
            return await error_result(self.store, self.input.index, str(error))

    async def _failed(self, error: Exception) -> ResultRef:
        """Decide what a failure of a tool leads to: one it classified, or any other."""
        timed_out = isinstance(error, TimeoutError)
        classified = error if isinstance(error, StepError) else None
        if timed_out:
            what = f"no answer within {format_duration(self.tool.timeout)}"
        else:
            what = str(error) if classified else f"{type(error).__name__}: {error}"
        message = self.secrets.redact(f"{self.tool.name}: {what}")
        self.secrets.logger(log, self.tool.name).warning(
            "failed in attempt %d", activity.info().attempt, exc_info=error
        )
        if self.guard is not None and self._is_riddle(classified):
            # A thread cannot be stopped: what runs in it may still come to its effect.
            goes_on = timed_out and not inspect.iscoroutinefunction(self.tool.function)
            known = await self.guard.lost(message, still_busy=goes_on)
            if known is not None:
                return known
        # `from None` below: the cause would travel into history as it is, secrets and all.
        elif classified and not classified.category.retryable:
            if self.guard is not None and self.tool.effect is Effect.WRITE:
                await self.guard.refused(message)
            raise StepError(classified.category, message) from None
        elif self.tool.effect is Effect.WRITE:
            # Refused before it had an effect: known, so there is nothing to look for.
            return await self._refused(message)
        if activity.info().attempt >= self.input.attempts:
            found = await self.guard.found() if self.guard is not None else None
            text = f"{message} (after {self.input.attempts} attempts)"
            return found or await self._error(text)
        if classified and classified.category.retryable:
            retry_after = classified.retry_after
            raise StepError(classified.category, message, retry_after=retry_after) from None
        category = FailureCategory.TIMEOUT if timed_out else FailureCategory.TRANSIENT
        raise StepError(category, message) from None

    def _is_riddle(self, classified: StepError | None) -> bool:
        """True if the effect may have happened, and the call is not simply made again."""
        if classified is not None and classified.category is FailureCategory.OUTCOME_UNKNOWN:
            return True
        write = self.tool.effect is Effect.WRITE
        return write and (classified is None or classified.maybe_billed)
