"""The report of one run: a page that a person can read, whole in one file.

Everything on it was written by somebody else: models, tools, strangers. So it is filled by
`workers.pages`, nothing is a link but the page's own parts, and a Content-Security-Policy forbids
whatever is not its own style.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from markupsafe import Markup

from rota.audit.hashing import sha256
from rota.audit.histories import spans_of
from rota.audit.keeping import Keeping
from rota.audit.run_record import RunRecord
from rota.model import canonical_json
from rota.notices.receipts import Receipt
from rota.usage import Usage, format_cost
from workers.audit import report_facts, report_tables
from workers.audit.kept import kept
from workers.audit.report_facts import Fact
from workers.audit.report_turns import turns
from workers.audit.report_words import at, shown, took
from workers.audit.timeline import timeline_of
from workers.pages import environment

PAGES = resources.files("workers.audit.pages")


def render(
    record: RunRecord,
    head: str = "",
    receipts: Sequence[Receipt] | None = None,
    keeping: Keeping | None = None,
) -> bytes:
    """Return the page of a run.

    Args:
        record: Of the run, secrets cut out.
        head: Of its chain, if there is one.
        receipts: What the channels say that are told of its end; None: they were not asked.
        keeping: How long it is kept, if it is archived.
    """
    style = (PAGES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = environment("workers.audit", "pages").get_template("report.html.j2")
    page = template.render(
        **_document(record),
        truths=report_facts.truths(record, receipts),
        head=head,
        kept=kept(keeping) if keeping else [],
        style=Markup(style),
        style_hash=f"sha256-{digest}",
        at=at,
    )
    return page.encode(errors="replace")


def _document(record: RunRecord) -> dict[str, Any]:
    end = record.ended or _last_heard(record)
    spec = record.spec or {}
    before, after = record.memory_before, record.memory_after
    context = record.context
    return {
        "record": record,
        "figures": _figures(record),
        "reason": str(record.outcome.get("reason") or ""),
        "why": report_facts.why(record),
        "input": shown(context.input if context else record.given.get("input") or {}),
        "timeline": timeline_of(spans_of(record.executions), record.started, end),
        "output": "" if record.output is None else shown(record.output),
        "checks": report_tables.checks(record),
        "check_headings": report_tables.CHECKS,
        "turns": turns(record),
        "nodes": report_tables.nodes(record),
        "approvals": report_tables.approvals(record),
        "approval_headings": report_tables.APPROVALS,
        "done": report_tables.done_by_people(record),
        "done_headings": report_tables.DONE,
        "effects": report_tables.effects(record),
        "effect_headings": report_tables.EFFECTS,
        "costs": report_tables.costs(record),
        "cost_headings": report_tables.COSTS,
        "lost": _lost(record),
        "changes": report_tables.memory_changes(record),
        "change_headings": report_tables.CHANGES,
        "memory_before": shown(before.model_dump(mode="json") if before else {}),
        "memory_after": shown(after.model_dump(mode="json") if after else {}),
        "declared": report_facts.declared(record),
        "instructions": shown(str(spec.get("instructions") or "")),
        "spec": report_facts.spec_text(record),
        "histories": [
            [each.run_id, f"{each.first} to {each.last}", sha256(canonical_json(each.history))]
            for each in record.executions
        ],
        "ledger": shown(record.ledger.model_dump(mode="json")) if record.ledger else "",
    }


def _figures(record: RunRecord) -> list[Fact]:
    usage = Usage.model_validate(record.outcome.get("usage") or {})
    return [
        Fact("took", took(record.started, record.ended)),
        Fact("turns", str(len([turn for turn in record.turns if not turn.node.sums_up]))),
        Fact("tool calls", str(len(record.calls))),
        Fact("decisions of people", str(len([a for a in record.approvals if a.ruling.by]))),
        Fact("effects", str(len({each.effect.key for each in record.effects}))),
        Fact("tokens", f"{usage.tokens:,}"),
        Fact("cost", format_cost(usage.cost_micros)),
    ]


def _lost(record: RunRecord) -> str:
    if not record.attempts:
        return ""
    most = sum(each.micros for each in record.attempts)
    bound = f", at most {format_cost(most)}" if most else ""
    return f"{len(record.attempts)}{bound}"


def _last_heard(record: RunRecord) -> datetime:
    """Of a run in progress: when its newest step began or ended."""
    spans = spans_of(record.executions)
    heard = [moment for span in spans for moment in (span.start, span.end) if moment]
    return max([record.started, *heard]).astimezone(UTC)
