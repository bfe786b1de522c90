"""What a run said and did, from the object store: turns, calls, approvals, effects, lost attempts.

Activity side: reads, changes nothing. An object that is gone becomes a note; the rest is read all
the same.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TypeVar

from activities.documents import get_json, get_transcript
from activities.effect_records import EffectRecords
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.approvals.requests import Ruling, Verdict
from rota.audit.histories import Span
from rota.audit.run_record import (
    LostAttempt,
    RecordedApproval,
    RecordedCall,
    RecordedEffect,
    RecordedTurn,
)
from rota.budgets.reservations import Amount
from rota.conversation import ToolResult
from rota.effects.records import EffectRecord
from rota.run_ref import RunRef
from rota.turns.calls import ResultRef

T = TypeVar("T")


class WorkDone:
    """Reads what one run left in the store.

    Args:
        store: Of the workers.
        run: The run.
        spans: What its histories say took time.
    """

    def __init__(self, store: ObjectStore, run: RunRef, spans: Iterable[Span]) -> None:
        self._store = store
        self._run = run
        self.notes: list[str] = []
        """What is missing, one line each."""
        self.objects: set[str] = set()
        """Digests of the objects that were read, or looked for."""
        self._turn_times: dict[str, Span] = {}
        self._call_times: dict[tuple[str, int], Span] = {}
        for span in spans:
            if head := span.came.get("head"):
                self._turn_times[str(head)] = span
            if span.name == "run_tool" and "head" in span.given:
                place = (str(span.given["head"]), int(span.given.get("index", 0)))
                self._call_times[place] = span

    async def got(self, work: Callable[[], Awaitable[T]], what: str, missing: T) -> T:
        """Return what `work` reads; `missing` if that is not in the store, with a note.

        Raises:
            StoreError: the store does not answer, or what it holds is damaged.
        """
        try:
            return await work()
        except ObjectMissingError as error:
            self.notes.append(f"{what} is missing: {error}")
            return missing

    async def turns(self, head: str | None) -> tuple[RecordedTurn, ...]:
        """Return the turns, the oldest first."""
        nodes = await self.got(lambda: get_transcript(self._store, head), "the transcript", [])
        found: list[RecordedTurn] = []
        for node in nodes:
            digest = node.digest
            span = self._turn_times.get(digest)
            took = (span.start, span.end) if span else (None, None)
            found.append(RecordedTurn(digest=digest, node=node, began=took[0], ended=took[1]))
        self.objects |= {digest for turn in found for digest in (turn.digest, turn.node.context)}
        self.objects |= {turn.node.pins for turn in found if turn.node.pins}
        return tuple(found)

    async def calls(
        self, turns: tuple[RecordedTurn, ...]
    ) -> tuple[tuple[RecordedCall, ...], tuple[RecordedApproval, ...]]:
        """Return the calls of all turns, in order, and what was decided about them."""
        names = await self._store.list_refs(f"results/{self._run.key}")
        places = {name.split("/", 2)[2]: name for name in names}
        calls: list[RecordedCall] = []
        decided: list[RecordedApproval] = []
        for number, turn in enumerate(turns):
            told = _results(turns[number + 1]) if number + 1 < len(turns) else {}
            for index, call in enumerate(turn.node.reply.tool_calls):
                made = await self._result(places, turn.digest, index)
                said = told.get(call.id)
                text = await self._text(made) if made else said.content if said else ""
                span = self._call_times.get((turn.digest, index))
                calls.append(
                    RecordedCall(
                        turn=turn.node.turn,
                        index=index,
                        call=call,
                        made=made is not None or said is not None,
                        result=text,
                        is_error=made.is_error if made else bool(said and said.is_error),
                        tainted=bool(made and made.tainted),
                        began=span.start if span else None,
                        ended=span.end if span else None,
                    )
                )
                ruling = (made.approval if made else None) or (said.approval if said else None)
                if ruling is not None:
                    decided.append(await self.approval(ruling, turn.ended, call.key))
        return tuple(calls), tuple(decided)

    async def approval(
        self, ruling: Ruling, asked: datetime | None = None, call: str = ""
    ) -> RecordedApproval:
        """Return a decision with the arguments that it allowed, if they were changed."""
        arguments = ruling.arguments
        if ruling.verdict is Verdict.EDIT and arguments is None:
            self.objects.add(ruling.allowed)
            read = lambda: get_json(self._store, ruling.allowed)  # noqa: E731
            arguments = await self.got(read, f"what {ruling.id} was changed to", None)
        return RecordedApproval(ruling=ruling, call=call, asked=asked, arguments=arguments)

    async def effects(self, calls: tuple[RecordedCall, ...]) -> tuple[RecordedEffect, ...]:
        """Return every version of the effects that the calls meant, in the order of time."""
        records = EffectRecords(self._store)
        found: list[RecordedEffect] = []
        for key in dict.fromkeys(each.call.key for each in calls if each.call.key):
            found += [
                RecordedEffect(effect=effect, receipt=await self._receipt(effect))
                for effect in await records.versions(key, all_of_them=True)
            ]
        return tuple(sorted(found, key=lambda each: each.effect.at))

    async def attempts(self) -> tuple[LostAttempt, ...]:
        """Return the calls of models that were sent and whose answer nobody saw."""
        found: list[LostAttempt] = []
        by_turn: dict[str, list[str]] = {}
        for name in await self._store.list_refs(f"attempts/{self._run.key}"):
            place = name.split("/", 2)[2]
            by_turn.setdefault(place.rpartition("/")[0], []).append(place)
        for turn, places in by_turn.items():
            answered = await self._store.get_ref(f"replies/{self._run.key}/{turn}") is not None
            places.sort(key=_order)
            lost = places[:-1] if answered else places
            found += [await self._attempt(place) for place in lost]
        return tuple(found)

    async def _attempt(self, place: str) -> LostAttempt:
        value = await self._store.get_ref(f"attempts/{self._run.key}/{place}")
        if value is None or not value.startswith(b"{"):
            return LostAttempt(place=place)
        estimate = Amount.model_validate_json(value)
        return LostAttempt(place=place, micros=estimate.micros, tokens=estimate.tokens)

    async def _result(self, places: dict[str, str], node: str, index: int) -> ResultRef | None:
        """The result of a call; of one that asked people first, the one after its answers."""
        prefix = f"{node}/{index}"
        own = [place for place in places if place == prefix or place.startswith(f"{prefix}-")]
        for place in sorted(own, key=lambda name: (len(name), name), reverse=True):
            value = await self._store.get_ref(places[place])
            result = ResultRef.model_validate_json(value) if value is not None else None
            if result is not None and result.question is None:
                return result
        return None

    async def _text(self, result: ResultRef) -> str:
        self.objects |= {digest for digest in (result.digest, result.patch) if digest}
        data = await self.got(lambda: self._store.get(result.digest), "a result", b"")
        return data.decode(errors="replace")

    async def _receipt(self, effect: EffectRecord) -> str | None:
        digest = effect.receipt
        if digest is None:
            return None
        self.objects.add(digest)
        data = await self.got(lambda: self._store.get(digest), "a receipt", b"")
        return data.decode(errors="replace")


def _results(turn: RecordedTurn) -> dict[str, ToolResult]:
    """What a turn was told of the calls of the one before, by call."""
    blocks = [block for message in turn.node.added for block in message.content]
    return {block.call_id: block for block in blocks if isinstance(block, ToolResult)}


def _order(place: str) -> list[tuple[int, str]]:
    """Attempts in the order in which they were made: by round, then by number."""
    parts = place.rpartition("/")[2].split("-")
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
