"""The tables of a run's report: approvals, effects, costs, changes of memory. Pure.

Each is a list of rows of text, in the order of their headings here.
"""

import json
from typing import Any

from rota.approvals.requests import Verdict
from rota.audit.interventions import interventions_of
from rota.audit.run_record import RecordedEffect, RunRecord
from rota.checks.json_changes import json_changes
from rota.checks.verdicts import CheckOutcome
from rota.usage import Usage, format_cost, sum_of
from workers.audit.report_words import STAGES, at, json_or_text, shown, took

APPROVALS = (
    *("tool", "decision", "by", "asked", "decided", "waited", "note", "changed to"),
    "digest of what was shown",
)
EFFECTS = ("tool", "class", "state", "since", "said of it", "receipt", "effect")
COSTS = ("turn", "model", "input", "cache read", "cache write", "output", "cost", "prices")
CHECKS = ("check", "state", "why", "when")
DONE = ("when", "what", "by", "said with it")
CHANGES = ("key", "change", "before", "after")
_VERDICTS = {Verdict.APPROVE: "approved", Verdict.DENY: "denied", Verdict.EDIT: "approved, changed"}


def approvals(record: RunRecord) -> list[list[str]]:
    """Who was asked what, who said what, when."""
    return [
        [
            each.ruling.tool,
            _VERDICTS[each.ruling.verdict],
            each.ruling.by or "nobody, in time",
            at(each.asked),
            at(each.ruling.at),
            took(each.asked, each.ruling.at),
            each.ruling.note,
            shown(each.arguments) if each.arguments is not None else "",
            _grouped(each.ruling.digest),
        ]
        for each in record.approvals
    ]


def done_by_people(record: RunRecord) -> list[list[str]]:
    """All that was done to the run from outside."""
    found = interventions_of(record.executions)
    return [[at(each.at), each.what, each.by, shown(each.text)] for each in found]


def _grouped(digest: str) -> str:
    """A digest in groups, so that it breaks into lines."""
    return " ".join(digest[start : start + 16] for start in range(0, len(digest), 16))


def checks(record: RunRecord) -> list[list[str]]:
    """What the result was held against, and what came of it."""
    made = [CheckOutcome.model_validate(each) for each in record.outcome.get("checks") or ()]
    return [[each.name, each.state.value, each.detail, at(each.at)] for each in made]


def effects(record: RunRecord) -> list[list[str]]:
    """What was changed outside, each effect once, as it is known last."""
    newest: dict[str, RecordedEffect] = {each.effect.key: each for each in record.effects}
    return [
        [
            each.effect.tool,
            each.effect.effect.value,
            STAGES[each.effect.stage],
            at(each.effect.at),
            each.effect.resolution.shown if each.effect.resolution else each.effect.text,
            shown(json_or_text(each.receipt)) if each.receipt is not None else "",
            each.effect.id,
        ]
        for each in newest.values()
    ]


def costs(record: RunRecord) -> list[list[str]]:
    """What each turn used, and the sum."""
    named = [(turn.node.turn, turn.node) for turn in record.turns]
    rows = [[str(n), node.model, *_usage(node.usage), node.prices] for n, node in named]
    total = sum_of(node.usage for _, node in named)
    return [*rows, ["sum", "", *_usage(total), ""]] if rows else []


def _usage(usage: Usage) -> list[str]:
    counts = (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    cost = format_cost(usage.cost_micros)
    return [*(f"{count:,}" for count in (*counts, usage.output_tokens)), cost]


def memory_changes(record: RunRecord) -> list[list[str]]:
    """What differs between the memory before and after."""
    before = record.memory_before.document if record.memory_before else {}
    after = record.memory_after.document if record.memory_after else {}
    return [
        [
            change.path or "(all)",
            change.change.value,
            one_line(change.before),
            one_line(change.after),
        ]
        for change in json_changes(before, after)
    ]


def one_line(value: Any) -> str:
    """Return JSON on one line; empty for none."""
    return "" if value is None else shown(json.dumps(value, ensure_ascii=False))


def nodes(record: RunRecord) -> list[list[str]]:
    """Of a pipeline's run: what became of each node."""
    found: dict[str, Any] = record.outcome.get("nodes") or {}
    return [
        [name, str(each.get("status", "")), each.get("run_id", ""), each.get("reason", "")]
        for name, each in found.items()
    ]
