"""Who, why and by which declaration: the facts that the report of a run begins with. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from rota.audit.run_record import RunRecord
from rota.notices.receipts import Receipt
from rota.pipelines.run import PipelineResult
from rota.runs import AgentRunResult, Trigger
from rota.truths import Truth, truths_of
from workers.audit.report_words import at, shown


@dataclass(frozen=True)
class Fact:
    """A line of a table with two columns."""

    name: str
    value: str


def why(record: RunRecord) -> list[Fact]:
    """Who triggered the run, for what, and why."""
    context = record.context
    lineage = context.lineage if context else None
    facts = [Fact("trigger", _TRIGGERS[record.trigger])]
    if record.schedule_id:
        facts.append(Fact("schedule", record.schedule_id))
    facts.append(Fact("asked for by", record.requester or "not known"))
    if context and context.spec.applied_by:
        facts.append(Fact("declared by", context.spec.applied_by))
    if lineage is not None:
        facts.append(Fact("below", f"{lineage.cause}; it all began with {lineage.root}"))
    facts.append(Fact("slot", at(record.slot)))
    if context and context.covers:
        covers = context.covers
        since = at(covers.start) if covers.start else "the beginning"
        facts.append(Fact("covers", f"{since} to {at(covers.end)}"))
    if context and context.session:
        facts.append(Fact("session", context.session))
    return facts


_TRIGGERS = {
    Trigger.SCHEDULE: "its schedule",
    Trigger.MANUAL: "a person or a program asked for it",
    Trigger.EVENT: "an event",
    Trigger.HOOK: "a webhook",
    Trigger.UPSTREAM: "its pipeline, when what it waits for was there",
    Trigger.HANDOFF: "another agent handed work to it",
    Trigger.BACKFILL: "a backfill of past slots",
    Trigger.RERUN: "a re-run of an earlier run",
}


def declared(record: RunRecord) -> list[Fact]:
    """The declaration and whose code worked."""
    versions = record.versions
    runtime: dict[str, Any] = (record.spec or {}).get("runtime") or {}
    model = " ".join(filter(None, (runtime.get("kind"), runtime.get("model"))))
    return [
        Fact("version", record.spec_digest or "-"),
        Fact("runtime", model or "-"),
        Fact("tools it may call", ", ".join((record.spec or {}).get("tools") or ()) or "none"),
        Fact("Rota", versions.rota or "not known"),
        Fact("Temporal server", versions.server or "not known"),
        Fact("Temporal SDK of the workers", ", ".join(versions.sdk) or "not known"),
        Fact("builds of the workers", ", ".join(versions.workers) or "not known"),
    ]


def spec_text(record: RunRecord) -> str:
    """The declaration as it would be written; the instructions stand apart."""
    spec = {key: value for key, value in (record.spec or {}).items() if key != "instructions"}
    return shown(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)) if spec else ""


def truths(record: RunRecord, receipts: Sequence[Receipt] | None) -> list[Fact]:
    """How far the run came: the five truths, and what its channels say."""
    known = {
        "status": record.status,
        "trigger": record.trigger,
        "run_id": record.run.id,
        ("pipeline" if record.kind == "Pipeline" else "agent"): record.agent,
        **record.outcome,
    }
    kind = PipelineResult if record.kind == "Pipeline" else AgentRunResult
    result = kind.model_validate(known)
    found = truths_of(result, record.started, record.ended, record.ledger, receipts)
    facts = [Fact(name, _truth(truth)) for name, truth in found]
    return [*facts, *(Fact("channel", receipt.line) for receipt in receipts or ())]


def _truth(truth: Truth) -> str:
    since = f", {at(truth.at)}" if truth.at else ""
    return f"{truth.state.value.replace('_', ' ')}{since}"
