"""The tools of the two agents. The model explains; it neither measures nor judges.

What is wrong follows from the warehouse, the baseline and the agent's declarations. No argument
names a file, an address or a figure, and only what `quality.compare` finds can be filed.
"""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field
from quality_checks import CallError, CheckError, Checks, read_checks
from quality_compare import Comparison, compare
from quality_profile import Profile, profile
from quality_report import baseline_of
from quality_report import report as write_report
from quality_state import RunState
from quality_tickets import Ticket, file_ticket

from rota.failures import FailureCategory, StepError
from rota.tools import ToolContext, ToolError, tool


@tool(name="quality.profile", effect="idempotent", timeout="10m", refresh=True)
def measure(ctx: ToolContext) -> dict[str, Any]:
    """Measure the warehouse as of now: rows, and every declared check of every table.

    Measured once per run; calling it again returns the same figures.
    """
    # `refresh`: a re-run of the night is to measure what is there now.
    with _refusals():
        path = ctx.fleet / str(ctx.input.get("warehouse", "data/warehouse.sqlite"))
        found = profile(path, read_checks(ctx.input), ctx.heartbeat, _night(ctx))
        found = _state(ctx).keep(found)
    return {"night": found.night.isoformat(), "rows": found.rows, "measures": len(found.measures)}


@tool(name="quality.compare")
def compare_with_baseline(ctx: ToolContext) -> dict[str, Any]:
    """Compare what was measured with the accepted baseline and with the declared limits.

    `new` is to be filed, `known` are declared false positives, `improved` needs nothing. Without
    a baseline only the limits count. `variance` is the share of the measures that are in `new`.
    """
    with _refusals():
        return _Night(ctx).comparison.document()


@tool(name="tickets.file", effect="idempotent", timeout="1m", outward=True, refresh=True)
async def file(
    ctx: ToolContext,
    finding: str,
    explanation: Annotated[str, Field(min_length=1, max_length=2000)],
) -> dict[str, Any]:
    """File the ticket of one finding of `quality.compare`, with your explanation of it.

    The figures are added for you. A finding has one ticket: `existed` is true if it was there.
    """
    # `refresh`: a re-run notes the ticket as its own, too; the finding's key keeps it the one.
    with _refusals():
        night = _Night(ctx)
        found = {each.finding: each for each in night.comparison.new}.get(finding)
        if found is None:
            raise CallError(
                f"'{finding[:80]}' is no new finding: file what quality.compare gives as `new`"
            )
    measured = f"Measured on {night.profile.night}: {found.finding} is {found.text}."
    since = night.baseline.night if night.baseline else "first"
    ticket = Ticket(
        # Not the call's own key: the next night's run, should nobody have accepted anything by
        # then, finds the same against the same baseline, and must not file it again.
        key=f"{ctx.input.get('name')}:{finding}:{since}",
        title=f"{ctx.input.get('name')}: {finding}",
        text=f"{explanation}\n\n{measured}",
        labels=("data-quality",),
    )
    filed = await file_ticket(ctx, ticket)
    _state(ctx).filed(finding, filed)
    return {"finding": finding, "ticket": filed}


@tool(name="quality.report")
def report(
    ctx: ToolContext, summary: Annotated[str, Field(min_length=1, max_length=1000)]
) -> dict[str, Any]:
    """Give the run's result, led by your `summary`; every new finding needs its ticket first.

    Hand it on as it is: a result whose figures do not fit its seal is no baseline.
    """
    with _refusals():
        night = _Night(ctx)
        tickets = _state(ctx).tickets()
        return write_report(
            night.profile, night.baseline, night.comparison, tickets, night.checks, summary
        )


@tool(name="tickets.escalate", effect="idempotent", timeout="1m", outward=True)
async def escalate(
    ctx: ToolContext, explanation: Annotated[str, Field(min_length=1, max_length=2000)]
) -> dict[str, Any]:
    """File one urgent ticket about the night in your input, with your explanation."""
    night, found = str(ctx.input.get("night")), ctx.input.get("new") or []
    lines = [f"{each['ticket']['id']}: {each['finding']}" for each in found]
    ticket = Ticket(
        key=f"{ctx.input.get('name')}:escalation:{night}",
        title=f"{ctx.input.get('name')}: {ctx.input.get('variance'):.0%} of the checks moved",
        text="\n".join([explanation, "", f"Night of {night}:", *lines]),
        labels=("data-quality", "urgent"),
    )
    return await file_ticket(ctx, ticket)


class _Night:
    """What a run has measured, and what that means."""

    def __init__(self, ctx: ToolContext) -> None:
        self.checks: Checks = read_checks(ctx.input)
        self.profile: Profile = _state(ctx).profile()
        self.baseline: Profile | None = baseline_of(ctx.baseline)
        self.comparison: Comparison = compare(self.profile, self.baseline, self.checks)


def _state(ctx: ToolContext) -> RunState:
    return RunState(ctx.fleet / str(ctx.input.get("state", "state/quality.sqlite")), ctx.run_id)


def _night(ctx: ToolContext) -> date | None:
    """The night that the loads should be of; None: whichever is the newest there is."""
    if ctx.input.get("night") != "slot" or ctx.slot is None:
        return None
    return ctx.slot.astimezone(ZoneInfo(str(ctx.input.get("timezone", "UTC")))).date()


@contextmanager
def _refusals() -> Generator[None]:
    """Tell the model what it can mend; fail the run with what a person has to; retry the rest."""
    try:
        yield
    except CallError as error:
        raise ToolError(str(error)) from error
    except CheckError as error:
        raise StepError(FailureCategory.TOOL_FAILED, str(error)) from error
