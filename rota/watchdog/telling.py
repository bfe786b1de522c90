"""What the Watchdog says to people: facts for channels, lines for its own page. Pure."""

from collections.abc import Sequence

from rota.audit.verified import Verification
from rota.ids import format_slot
from rota.notices.facts import Fact
from rota.watchdog.alerts import Alert, News
from rota.watchdog.memory import WatchMemory

LISTED = 20


def fact_of(fleet: str, news: News) -> Fact:
    """What to tell of an alert; the same for as long as it is the same alert."""
    alert = news.alert
    # `since`, not the check's time: a check that was lost on the way is made again.
    id = f"watchdog/{fleet}/{alert.key}/{format_slot(alert.since)}"
    over = f"{alert.ended or 'it is well again'} (was: {alert.reason})"
    return Fact(
        id=f"{id}/over" if news.resolved else id,
        occasion=alert.kind,
        agent=alert.agent or fleet,
        team=alert.team,
        run=alert.run,
        reason=over if news.resolved else alert.reason,
        todo="" if news.resolved else alert.todo,
        at=(alert.over or alert.opened) if news.resolved else alert.opened,
        resolved=news.resolved,
    )


def details(memory: WatchMemory) -> str:
    """The memory as the workflow's page shows it, in Markdown."""
    lines = [f"**{memory.agents} agents judged, {memory.runs} workflows at work**"]
    lines += [*_alerts(memory.open)]
    if memory.unheard:
        lines.append(f"not judged: {', '.join(memory.unheard)}")
    lines += memory.trouble
    if memory.archive is not None:
        lines.append(archive_line(memory))
    return "\n\n".join(lines)


def archive_line(memory: WatchMemory) -> str:
    """What became of putting away closed runs; empty if nobody asks for it."""
    state = memory.archive
    if state is None:
        return ""
    if state.reason:
        return f"archive: {state.reason}"
    failed = f", {state.failures} could not be put away" if state.failures else ""
    problem = f"; {state.problem}" if state.problem else ""
    done = f"archive: {state.archived} runs put away, {state.lag_seconds} s behind{failed}{problem}"
    return f"{done}{_verified(state.verification)}"


def _verified(known: Verification | None) -> str:
    if known is None:
        return ""
    broken = f", {len(known.broken)} do not hold" if known.broken else ""
    problem = f"; {known.problem}" if known.problem else ""
    return f"; {known.runs} runs and {known.checkpoints} checkpoints verified{broken}{problem}"


def _alerts(alerts: Sequence[Alert]) -> list[str]:
    if not alerts:
        return ["no open alerts"]
    lines = [
        f"- **{alert.kind.value}** {alert.agent} {alert.run} since {format_slot(alert.since)}: "
        f"{alert.reason}"
        for alert in alerts[:LISTED]
    ]
    more = len(alerts) - LISTED
    return ["\n".join([*lines, *([f"- and {more} more"] if more > 0 else [])])]
