"""One call that changes something, seen through from its intent to its receipt.

Activity side. The intent is on record before the call is made, and the receipt before the
activity ends. Whatever happens in between, the next attempt, the next run of the slot and a
person find the record, and what they do about it is decided in `rota.effects.rules`.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import BaseModel

from activities.effect_records import EffectRecords
from activities.safekeeping import kept
from activities.secrets import Secrets
from activities.stores.base import ObjectStore
from activities.tools.call import as_text, ask_reconcile
from rota.effects.records import (
    EffectIntent,
    EffectRecord,
    EffectResolution,
    EffectStage,
    UnknownEffect,
)
from rota.effects.rules import Move, begun, next_move, told
from rota.failures import MESSAGE_LIMIT
from rota.metrics.run_tally import EffectResult
from rota.steps import ToolInput
from rota.tools import Reconciled, ToolContext, ToolDefinition
from rota.turns.calls import ResultRef

log = logging.getLogger("rota.tools")

RECONCILE_SECONDS = 10.0
"""How long a tool may look: with keeping the result (15 s) it fits into what an attempt has
beyond the tool's own timeout."""

BEGINNING_SECONDS = 2.0
"""How long the intent may take to be put on record: others count an attempt's time from before
that, and it must not work on when they take it for over."""

_LOST = "was started and its worker lost, or the store out of reach, before its result was recorded"


class EffectGuard:
    """Sees one attempt at one effect through. Every method is safe to repeat."""

    def __init__(
        self,
        store: ObjectStore,
        tool: ToolDefinition,
        args: BaseModel,
        context: ToolContext,
        intent: EffectIntent,
        *,
        secrets: Secrets,
        now: Callable[[], datetime],
    ) -> None:
        """Guard the call of `tool` with `args` that `intent` names."""
        self._store = store
        self._records = EffectRecords(store)
        self._tool = tool
        self._args = args
        self._context = context
        self._intent = intent
        self._secrets = secrets
        self._now = now
        self._record: EffectRecord | None = None
        """The newest version that is known here."""
        self._before: EffectRecord | None = None
        """The one before this attempt's intent."""
        self._settled = ""
        """Its key, if it was unknown and the tool has found out."""

    async def enter(self, input: ToolInput) -> ResultRef | None:
        """Put the intent on record.

        Returns:
            None if the call is to be made now; else its result without it: the receipt of an
            earlier call, or that nobody knows.
        """
        while True:
            known = await self._known(input)
            if known is not None:
                return known
            limit = self._tool.timeout + timedelta(seconds=BEGINNING_SECONDS)
            intended = begun(self._record, self._intent, self._now(), limit)
            if await self._records.advance(intended):
                self._before, self._record = self._record, intended
                return None
            self._record = await self._records.newest(self._intent.key)

    @property
    def seconds_left(self) -> float:
        """How long this attempt may work before others take it for over."""
        record = self._entered()
        return (record.busy_until - self._now()).total_seconds() if record.busy_until else 0.0

    @property
    def is_open(self) -> bool:
        """True if some attempt at it may have had its effect, and nobody has seen its end."""
        return self._entered().stage in (EffectStage.INTENT, EffectStage.UNKNOWN)

    async def look(self, input: ToolInput) -> ResultRef | None:
        """Say what is known without making the call; None if nothing has happened."""
        self._record = await self._records.newest(self._intent.key)
        return await self._known(input)

    async def happened(self, receipt: str) -> ResultRef:
        """Put the receipt on record: the digest of the result. Of two, the first one counts."""
        record = self._entered()
        while record.stage is not EffectStage.HAPPENED:
            done = record.next(EffectStage.HAPPENED, self._now(), receipt=receipt)
            record = done if await self._records.advance(done) else await self._newest()
        return self._receipt(record)

    async def refused(self, text: str) -> None:
        """Put on record that this call had no effect; what an earlier one had stays true."""
        before, record = self._before, self._entered()
        stage, receipt = EffectStage.DID_NOT, None
        if before is not None and before.stage is not EffectStage.DID_NOT:
            # Only a call with a key by which the tool knows it is made after such a one.
            stage, receipt = before.stage, before.receipt
        changes = {"text": text[:MESSAGE_LIMIT], "receipt": receipt}
        refused = record.next(stage, self._now(), **changes)
        # One that has moved on knows more than this attempt.
        advanced = await self._records.advance(refused)
        self._record = refused if advanced else await self._newest()

    async def lost(self, text: str, *, still_busy: bool = False) -> ResultRef | None:
        """Nobody saw the end of this call: have the tool look.

        Args:
            text: What was seen of it.
            still_busy: It may go on, in a thread that nothing can stop.

        Returns:
            The receipt if it happened, None if it did not, else that nobody knows.
        """
        busy = self._now() + self._tool.timeout if still_busy else None
        changes = {"text": text[:MESSAGE_LIMIT], "busy_until": busy}
        record = self._entered().next(EffectStage.UNKNOWN, self._now(), **changes)
        advanced = await self._records.advance(record)
        self._record = record if advanced else await self._newest()
        return await self._known()

    async def found(self) -> ResultRef | None:
        """Have the tool look for a call that failed in all attempts; None if it is not there."""
        answer, _ = await self._reconciled()
        if not answer.happened:
            return None
        record = self._entered()
        while record.stage is not EffectStage.HAPPENED:
            await self._found(record, answer)
            record = await self._newest()
        return self._receipt(record)

    async def _known(self, input: ToolInput | None = None) -> ResultRef | None:
        """Follow the record to what it says; None if the call is to be made."""
        resolves = input.resolves if input else 0
        while True:
            record = self._record
            move = next_move(record, self._intent, resolves, refresh=self._tool.refresh)
            if move is Move.CALL:
                return None
            assert record is not None
            if move is Move.RECEIPT:
                return self._receipt(record)
            if move is Move.CONFLICT:
                return await self._conflict(record)
            if move is Move.RESOLVE and input is not None and input.resolution is not None:
                await self._records.resolve(record, input.resolution, self._now())
            else:
                unknown = await self._look(record)
                if unknown is not None:
                    return unknown
            self._record = await self._newest()

    async def _look(self, record: EffectRecord) -> ResultRef | None:
        """Have the tool look; None once the record says more than before."""
        answer, words = await self._reconciled()
        now = self._now()
        busy = record.busy_until if record.busy_until and record.busy_until > now else None
        if answer.happened is not None and record.stage is EffectStage.UNKNOWN:
            self._settled = record.key
        if answer.happened:
            await self._found(record, answer)
            return None
        if answer.happened is False:
            if busy is not None:
                return self._unknown(record, look_at=busy)
            text = f"reconcile of {self._tool.name} found nothing of it"
            await self._records.advance(record.next(EffectStage.DID_NOT, now, text=text))
            return None
        if record.stage is EffectStage.INTENT:
            text = f"{self._tool.name} {_LOST}{words}"[:MESSAGE_LIMIT]
            lost = record.next(EffectStage.UNKNOWN, now, text=text, busy_until=record.busy_until)
            if not await self._records.advance(lost):
                return None
            record = lost
        return self._unknown(record)

    async def _reconciled(self) -> tuple[Reconciled, str]:
        """Ask the tool; also why it could not say, if it failed."""
        if self._tool.reconcile is None:
            return Reconciled(None), ""
        try:
            async with asyncio.timeout(RECONCILE_SECONDS):
                return await ask_reconcile(self._tool, self._args, self._context), ""
        except Exception as error:  # noqa: BLE001 - a tool may raise anything at all
            words = self._secrets.redact(f"{type(error).__name__}: {error}")
            self._secrets.logger(log, self._tool.name).warning("reconcile failed", exc_info=error)
            return Reconciled(None), f"; its reconcile failed: {words}"

    async def _found(self, record: EffectRecord, answer: Reconciled) -> None:
        """Put on record what the tool has found."""
        said = EffectResolution(
            effect=record.id, happened=True, by=f"reconcile of {self._tool.name}"
        )
        text = told(said) if answer.result is None else as_text(answer.result)
        content = self._secrets.redact(text).encode(errors="replace")
        receipt = await kept(lambda: self._store.put(content))
        changes = {"receipt": receipt, "resolution": said, "text": said.shown}
        done = record.next(EffectStage.HAPPENED, self._now(), **changes)
        await self._records.advance(done)

    async def _conflict(self, record: EffectRecord) -> ResultRef:
        text = (
            f"{self._tool.name}: {record.run.id} made the call {record.id} with other arguments; "
            "it was not made. One key stands for one call"
        )
        digest = await kept(lambda: self._store.put(text.encode(errors="replace")))
        return ResultRef(index=self._intent.index, digest=digest, is_error=True)

    def _receipt(self, record: EffectRecord) -> ResultRef:
        assert record.receipt is not None
        # By the run, not by the attempt: whoever was killed before it could tell has made it.
        own = record.run.key == self._intent.run.key
        return ResultRef(
            index=self._intent.index,
            digest=record.receipt,
            settled=self._settled,
            effect=EffectResult.FIRST if own else EffectResult.ANSWERED,
        )

    def _unknown(self, record: EffectRecord, look_at: datetime | None = None) -> ResultRef:
        unknown = UnknownEffect(
            key=record.key,
            version=record.version,
            tool=record.tool,
            text=record.text,
            begun_at=record.begun_at,
            busy_until=record.busy_until,
            look_at=look_at,
        )
        return ResultRef(index=self._intent.index, digest="", unknown=unknown)

    def _entered(self) -> EffectRecord:
        if self._record is None:
            raise RuntimeError("enter first")
        return self._record

    async def _newest(self) -> EffectRecord:
        newest = await self._records.newest(self._intent.key)
        assert newest is not None, "a version of it was written"
        return newest
