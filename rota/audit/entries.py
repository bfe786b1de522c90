"""From the record of a run to the entries of its chain.

Pure. The order is that of time; the same record gives the same entries. What identifies people or
may be guessed (names of people, arguments, texts, and digests of these) goes into content alone;
so do names that models and outsiders made up: see `rota.audit.clear_names`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from rota.audit.chain import Chain, Content, Entry, chained
from rota.audit.clear_names import event_in_clear, tool_in_clear
from rota.audit.hashing import CLOSED, EVENT, sha256
from rota.audit.histories import attributes_of, events_of, time_of, type_of
from rota.audit.run_record import (
    ExecutionHistory,
    RecordedApproval,
    RecordedCall,
    RecordedTurn,
    RunRecord,
)
from rota.model import Record, canonical_json

APART = frozenset(
    {
        "executions",
        "spec",
        "context",
        "memory_before",
        "memory_after",
        "turns",
        "calls",
        "approvals",
        "effects",
        "attempts",
        "ledger",
        "outcome",
        "output",
    }
)
"""Fields of a record that have entries of their own; the others are in the first."""


def chain_of(record: RunRecord, key: bytes) -> Chain:
    """Return the chain of a run's record, closed.

    Args:
        record: Of the run; of one in progress the chain says that it had not ended.
        key: Of the run's content.
    """
    end = {"ended": record.ended is not None, "status": record.status.value}
    return chained(entries_of(record), key, Entry(record.ended_or_started, CLOSED, end))


def entries_of(record: RunRecord) -> list[Entry]:
    """Return the entries, the closing one left out."""
    start, end = record.started, record.ended_or_started
    first = [_opened(record), *_declared(record), *_memory(record, "before", start)]
    last = [*_memory(record, "after", end), *_ledger(record, end), _outcome(record, end)]
    middle = [*_events(record), *_worked(record), *_decided(record)]
    middle.sort(key=lambda entry: entry.at)
    return [*first, *middle, *last]


def _json(value: Any, path: str = "") -> Content:
    if isinstance(value, Record):
        value = value.model_dump(mode="json")
    return Content(canonical_json(value), path)


def _opened(record: RunRecord) -> Entry:
    histories = [_json(each.history, _history_path(n)) for n, each in enumerate(record.executions)]
    body = {
        "format": "rota-chain/1",
        "run": record.run.model_dump(mode="json"),
        "agent": record.agent,
        "kind": record.kind,
        "namespace": record.namespace,
        "trigger": record.trigger.value,
        "executions": [
            {
                "run_id": each.run_id,
                "first": each.first,
                "last": each.last,
                "sha256": sha256(h.data),
            }
            for each, h in zip(record.executions, histories, strict=True)
        ],
    }
    content = {"record": _json(record.model_dump(mode="json", exclude=set(APART)), "run.json")}
    content |= {f"history-{number}": history for number, history in enumerate(histories)}
    return Entry(record.started, "opened", body, content)


def _history_path(number: int) -> str:
    return f"histories/{number + 1}.json"


def _declared(record: RunRecord) -> Iterator[Entry]:
    if record.spec is not None:
        runtime: dict[str, Any] = record.spec.get("runtime") or {}
        body = {"runtime": runtime.get("kind", ""), "model": runtime.get("model")}
        yield Entry(record.started, "declared", body, {"spec": _json(record.spec, "spec.json")})
    if record.context is not None:
        body = {"slot": record.context.slot, "fences": record.context.fences}
        content = {"context": _json(record.context, "context.json")}
        yield Entry(record.started, "context", body, content)


def _memory(record: RunRecord, when: str, at: datetime) -> Iterator[Entry]:
    found = record.memory_before if when == "before" else record.memory_after
    if found is not None:
        content = {"memory": _json(found, f"memory-{when}.json")}
        yield Entry(at, "memory", {"when": when, "version": found.version}, content)


def _ledger(record: RunRecord, at: datetime) -> Iterator[Entry]:
    if record.ledger is not None:
        body = {"status": record.ledger.status.value}
        yield Entry(at, "ledger", body, {"entry": _json(record.ledger, "ledger.json")})


def _outcome(record: RunRecord, at: datetime) -> Entry:
    usage: dict[str, Any] = record.outcome.get("usage") or {}
    told = ("turns", "tool_calls", "category")
    body = {
        "status": record.status.value,
        **{name: record.outcome.get(name) for name in told},
        "cost_micros": usage.get("cost_micros"),
        "unknown_attempts": usage.get("unknown_attempts"),
        "checks": {each["name"]: each["state"] for each in record.outcome.get("checks") or ()},
    }
    content = {"result": _json(record.outcome, "result.json")}
    if record.output is not None:
        content["output"] = _json(record.output, "output.json")
    return Entry(at, "outcome", body, content)


def _events(record: RunRecord) -> Iterator[Entry]:
    for number, execution in enumerate(record.executions):
        yield from _events_of(number, execution)


def _events_of(number: int, execution: ExecutionHistory) -> Iterator[Entry]:
    for event in events_of(execution):
        told = attributes_of(event)
        body: dict[str, Any] = {
            "execution": number,
            "event": int(event["eventId"]),
            "type": type_of(event),
        }
        if name := event_in_clear(told):
            body["name"] = name
        if told.get("attempt", 1) != 1:
            body["attempt"] = told["attempt"]
        yield Entry(time_of(event), EVENT, body)


def _worked(record: RunRecord) -> Iterator[Entry]:
    """Turns, then calls, then lost attempts; whatever has no time of its own at the end."""
    for number, turn in enumerate(record.turns, start=1):
        yield _turn(turn, number, turn.ended or record.ended_or_started, record)
    for number, call in enumerate(record.calls, start=1):
        yield _call(call, number, call.ended or record.ended_or_started, record)
    for lost in record.attempts:
        body = {"place": lost.place, "micros": lost.micros, "tokens": lost.tokens}
        yield Entry(record.ended_or_started, "attempt", body)


def _turn(turn: RecordedTurn, number: int, at: datetime, record: RunRecord) -> Entry:
    node = turn.node
    body = {
        "turn": node.turn,
        "model": node.model,
        "stop": node.stop.value,
        "calls": [tool_in_clear(each.name, record.spec) for each in node.reply.tool_calls],
        "usage": node.usage.model_dump(mode="json"),
        "prices": node.prices,
    }
    return Entry(at, "turn", body, {"turn": _json(turn, f"turns/{number:04}.json")})


def _call(call: RecordedCall, number: int, at: datetime, record: RunRecord) -> Entry:
    took = (call.ended - call.began) if call.began and call.ended else None
    body = {
        "turn": call.turn,
        "index": call.index,
        "tool": tool_in_clear(call.call.name, record.spec),
        "made": call.made,
        "is_error": call.is_error,
        "tainted": call.tainted,
        "microseconds": took // timedelta(microseconds=1) if took else None,
    }
    return Entry(at, "call", body, {"call": _json(call, f"calls/{number:04}.json")})


def _decided(record: RunRecord) -> Iterator[Entry]:
    for number, decided in enumerate(record.approvals, start=1):
        yield _approval(decided, number, record)
    for number, known in enumerate(record.effects, start=1):
        effect = known.effect
        body = {
            "tool": effect.tool,
            "class": effect.effect.value,
            "stage": effect.stage.value,
            "version": effect.version,
        }
        content = {"effect": _json(known, f"effects/{number:04}.json")}
        yield Entry(effect.at, "effect", body, content)


def _approval(decided: RecordedApproval, number: int, record: RunRecord) -> Entry:
    ruling, asked = decided.ruling, decided.asked
    waited = ruling.at - asked if asked else None
    body = {
        "tool": tool_in_clear(ruling.tool, record.spec),
        "verdict": ruling.verdict.value,
        "decided_by_a_person": bool(ruling.by),
        "waited_seconds": int(waited.total_seconds()) if waited else None,
    }
    path = f"approvals/{number:04}.json"
    return Entry(ruling.at, "approval", body, {"approval": _json(decided, path)})
