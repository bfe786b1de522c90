"""Records of runs that never happened, and their bundles: seeded, so that each can be had again."""

import base64
import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rota.approvals.requests import Ruling, Verdict
from rota.audit.bundle import BundleParts, bundle_of
from rota.audit.entries import chain_of
from rota.audit.run_record import (
    ExecutionHistory,
    LostAttempt,
    RecordedApproval,
    RecordedCall,
    RecordedEffect,
    RecordedTurn,
    RunRecord,
)
from rota.audit.seals import Signer
from rota.audit.statements import Day, Trust
from rota.conversation import Message, Opaque, StopReason, Text, ToolCall
from rota.effects.records import EffectRecord, EffectStage
from rota.run_ref import RunRef
from rota.runs import RunStatus, Trigger
from rota.tools import Effect
from rota.turns.memory import MemoryVersion
from rota.turns.transcript import TranscriptNode
from rota.usage import Usage
from tests.house.repository import ROOT

BEGAN = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
KEY = bytes(range(32))
WORDS = ("paid", "Müller & Söhne", "<script>", "{}", "0.10 €", "ß\n", '"quoted"', "完了")


def signer_of(seed: int) -> Signer:
    """A signing key, the same for the same seed."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Signer(public.hex(), lambda message: private.sign(message).hex())


def trusting(*signers: Signer, days: Sequence[Day] = ()) -> Trust:
    """Whoever checks has these keys, and these checkpoints."""
    return Trust({bytes.fromhex(signer.key): "" for signer in signers}, days)


@cache
def verifier_source() -> str:
    """Something in the place of the verifier: bundles made here are checked from outside."""
    return (ROOT / "rota/audit/verify.py").read_text()


def payload(value: Any) -> dict[str, Any]:
    """A value as histories hold it."""
    data = base64.b64encode(json.dumps(value).encode()).decode()
    return {"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": data}


def history(run_id: str, steps: int, began: datetime = BEGAN, head: str = "") -> ExecutionHistory:
    """A history with `steps` steps of three events each, between a start and an end."""
    events: list[dict[str, Any]] = []

    def add(kind: str, name: str, **told: Any) -> str:
        number = str(len(events) + 1)
        at = began + timedelta(milliseconds=37 * len(events))
        events.append(
            {
                "eventId": number,
                "eventTime": at.isoformat().replace("+00:00", "Z"),
                "eventType": f"EVENT_TYPE_{kind}",
                name: told,
            }
        )
        return number

    add("WORKFLOW_EXECUTION_STARTED", "workflowExecutionStartedEventAttributes")
    for step in range(steps):
        begun = add(
            "ACTIVITY_TASK_SCHEDULED",
            "activityTaskScheduledEventAttributes",
            activityType={"name": "invoke_model"},
            input={"payloads": [payload({"turn": step + 1, "context": "c" * 64})]},
        )
        events[-1]["userMetadata"] = {"summary": payload(f"turn {step + 1}")}
        add(
            "ACTIVITY_TASK_STARTED",
            "activityTaskStartedEventAttributes",
            scheduledEventId=begun,
            attempt=1 + step % 2,
        )
        add(
            "ACTIVITY_TASK_COMPLETED",
            "activityTaskCompletedEventAttributes",
            scheduledEventId=begun,
            result={"payloads": [payload({"head": head or f"{step:064x}"})]},
        )
    add("WORKFLOW_EXECUTION_COMPLETED", "workflowExecutionCompletedEventAttributes")
    return ExecutionHistory(run_id=run_id, first=1, last=len(events), history={"events": events})


def record(seed: int, *, turns: int | None = None) -> RunRecord:
    """A run whose shape and words the seed decides."""
    dice = random.Random(seed)
    count = dice.randint(0, 4) if turns is None else turns
    ended = BEGAN + timedelta(minutes=dice.randint(1, 90))
    key = f"{seed:08x}-aaaa"
    executions = tuple(
        history(f"{key}-{number}", dice.randint(0, 6)) for number in range(dice.randint(1, 2))
    )
    calls = tuple(_calls(dice, count))
    return RunRecord(
        run=RunRef(id=f"report-{seed}", key=key),
        agent="report",
        namespace="default",
        started=BEGAN,
        ended=ended,
        status=dice.choice((RunStatus.SUCCEEDED, RunStatus.FAILED)),
        trigger=Trigger.SCHEDULE,
        slot=BEGAN,
        given={"agent": "report", "input": {"word": dice.choice(WORDS)}},
        executions=executions,
        spec={"kind": "Agent", "name": "report", "runtime": {"kind": "scripted"}},
        memory_before=MemoryVersion(document={"last": dice.randint(0, 9)}, at=BEGAN),
        memory_after=MemoryVersion(document={"last": dice.choice(WORDS)}, at=ended, version=2),
        turns=tuple(_turns(dice, count)),
        calls=calls,
        approvals=tuple(_approvals(dice, calls)),
        effects=tuple(_effects(dice, calls, key)),
        attempts=(LostAttempt(place="1/0-1", micros=dice.randint(0, 99)),) * dice.randint(0, 2),
        outcome={
            "status": "succeeded",
            "turns": count,
            "usage": {"cost_micros": 12},
            "checks": [{"name": "balanced", "state": "passed", "at": "2026-11-22T06:01:00Z"}],
        },
        output={"text": dice.choice(WORDS)},
    )


def _at(minute: int) -> datetime:
    return BEGAN + timedelta(seconds=minute)


def _turns(dice: random.Random, count: int) -> Iterator[RecordedTurn]:
    for number in range(1, count + 1):
        said = (
            Opaque(provider="anthropic", data={"type": "thinking", "thinking": dice.choice(WORDS)}),
            Text(text=dice.choice(WORDS)),
        )
        node = TranscriptNode(
            context="c" * 64,
            turn=number,
            added=(Message(role="user", content=(Text(text=dice.choice(WORDS)),)),),
            reply=Message(role="assistant", content=said),
            stop=StopReason.END_TURN,
            usage=Usage(input_tokens=dice.randint(1, 999), cost_micros=dice.randint(0, 99)),
            model="claude",
        )
        yield RecordedTurn(digest=node.digest, node=node, began=_at(number), ended=_at(number + 1))


def _calls(dice: random.Random, count: int) -> Iterator[RecordedCall]:
    for number in range(1, count + 1):
        args = {"amount": dice.randint(0, 9)}
        call = ToolCall(id=f"t{number}", name="ledger.post", args=args, key=f"{number:064x}")
        yield RecordedCall(
            turn=number,
            index=0,
            call=call,
            made=True,
            result=dice.choice(WORDS),
            began=_at(number + 1),
            ended=_at(number + 2),
        )


def _approvals(dice: random.Random, calls: tuple[RecordedCall, ...]) -> Iterator[RecordedApproval]:
    for number, call in enumerate(calls[:2], start=1):
        ruling = Ruling(
            id=f"a{number}",
            tool=call.call.name,
            digest="d" * 64,
            verdict=Verdict.APPROVE,
            by=dice.choice(("ann", "bob", "")),
            note=dice.choice(WORDS),
            at=_at(number + 2),
            until=_at(999),
        )
        yield RecordedApproval(ruling=ruling, call=call.call.key, asked=_at(number))


def _effects(
    dice: random.Random, calls: tuple[RecordedCall, ...], key: str
) -> Iterator[RecordedEffect]:
    for number, call in enumerate(calls[:2]):
        effect = EffectRecord(
            key=call.call.key,
            tool=call.call.name,
            effect=Effect.WRITE,
            agent="report",
            run=RunRef(id="report", key=key),
            node="e" * 64,
            index=0,
            arguments="f" * 64,
            attempt="1/1",
            version=2,
            stage=EffectStage.HAPPENED,
            at=_at(number + 5),
            begun_at=_at(number + 4),
        )
        yield RecordedEffect(effect=effect, receipt=dice.choice(WORDS))


def bundle(
    seed: int, signer: Signer | None = None, *, turns: int | None = None
) -> dict[str, bytes]:
    """The bundle of `record(seed)`, the caller's to change."""
    return dict(_bundle(seed, signer, turns))


@cache
def _bundle(seed: int, signer: Signer | None, turns: int | None) -> dict[str, bytes]:
    made = record(seed, turns=turns)
    parts = BundleParts(
        run=made.run,
        chain=chain_of(made, KEY),
        verifier=verifier_source(),
        views={"report.html": b"<!doctype html>"},
    )
    return bundle_of(parts, signer)
