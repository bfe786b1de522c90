"""A backtest from what was typed to what came of it: chosen, started, followed, compared."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.budgets.reservations import Cap
from rota.runs import RunStatus
from rota.usage import format_cost, sum_of
from rota.what_if.backtest import (
    BACKTEST_TYPE,
    CASES_MEMO,
    BacktestInput,
    BacktestProgress,
    Unrecorded,
)
from rota.what_if.compare import Comparison
from workers.cli.agents import require_agent
from workers.cli.backtest_follow import cancelled, follow
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.output import now, remark
from workers.cli.run_view import RunView
from workers.cli.server import Link
from workers.what_if.cases import case_of, comparison_of
from workers.what_if.ended_runs import ended_run
from workers.what_if.past_runs import Chosen, PastRun, SpecReader, newest_runs, take
from workers.what_if.variants import Variant, is_priced

Handle = WorkflowHandle[Any, BacktestProgress]


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    agent: str
    last: int
    run_ids: tuple[str, ...]
    statuses: tuple[RunStatus, ...]
    variant: Variant
    unrecorded: Unrecorded
    parallel: int
    usd: float
    tokens: int | None
    attach: str | None = None
    """A backtest that was started before, instead of a new one."""


@dataclass
class Found:
    """What came of it so far: kept when Ctrl-C ends the rest."""

    id: str = ""
    chosen: Chosen = field(default_factory=lambda: Chosen([], {}))
    progress: BacktestProgress | None = None
    comparisons: list[Comparison] = field(default_factory=list[Comparison])


async def play(link: Link, asked: Asked, found: Found) -> None:
    """Start the backtest, or find it, and wait for its end; what is found is kept in `found`.

    Raises:
        CommandError: there is no such agent, run or backtest, or nobody could count the cost.
        VariantError: what is to be tried cannot be.
    """
    await require_agent(link.client, asked.agent)
    handle = await (_found(link, asked, found) if asked.attach else _started(link, asked, found))
    if handle is None:
        return
    try:
        progress = await follow(link, handle)
    except asyncio.CancelledError:
        remark("stopping: what the cases have come to is fetched first; Ctrl-C again leaves")
        await _compare(link, await cancelled(handle), found)
        raise
    await _compare(link, progress, found)


async def _started(link: Link, asked: Asked, found: Found) -> Handle | None:
    await _choose(link, asked, found)
    chosen = found.chosen
    if not chosen.runs:
        return None
    cases = [await case_of(link.store, past, asked.variant) for past in chosen.runs]
    cap = _cap(asked, chosen.runs)
    found.id = f"backtest-{asked.agent}-{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    handle: Handle = await link.client.start_workflow(
        BACKTEST_TYPE,
        BacktestInput(
            agent=asked.agent,
            cases=tuple(cases),
            unrecorded=asked.unrecorded,
            cap=cap,
            parallel=asked.parallel,
            what=asked.variant.told,
        ),
        id=found.id,
        task_queue=link.settings.task_queue,
        result_type=BacktestProgress,
        memo={CASES_MEMO: [case.key for case in cases]},
        static_summary=f"{asked.agent} · {len(cases)} past runs again · {asked.variant.told}",
    )
    cost = format_cost(sum_of(past.played.usage for past in chosen.runs).cost_micros)
    spend = format_cost(cap.micros) if cap.micros is not None else f"{cap.tokens:,} tokens"
    remark(
        f"{found.id}: {len(cases)} past runs of {asked.agent}, which cost {cost}; "
        f"{asked.variant.told}; at most {spend}"
    )
    return handle


async def _found(link: Link, asked: Asked, found: Found) -> Handle:
    found.id = asked.attach or ""
    handle = link.client.get_workflow_handle(found.id, result_type=BacktestProgress)
    try:
        described = await handle.describe()
    except RPCError as error:
        if not is_missing(error):
            raise
        raise CommandError(f"no backtest '{found.id}'", ExitCode.NOT_FOUND) from error
    if described.workflow_type != BACKTEST_TYPE:
        text = f"'{found.id}' is a workflow of type {described.workflow_type}"
        raise CommandError(text, ExitCode.NOT_FOUND)
    return handle


async def _compare(link: Link, progress: BacktestProgress, found: Found) -> None:
    found.progress = progress
    missing = {case.run_id for case in progress.cases}
    missing -= {past.run_id for past in found.chosen.runs}
    await _take(link, [case.run_id for case in progress.cases if case.run_id in missing], found)
    by_run = {past.run_id: past for past in found.chosen.runs}
    found.comparisons = [
        await comparison_of(link.store, by_run[case.run_id], case)
        for case in progress.cases
        if case.run_id in by_run
    ]


async def _take(link: Link, run_ids: Sequence[str], found: Found) -> None:
    specs = SpecReader(link.store)
    for run_id in run_ids:
        view = await ended_run(link.client, link.store, run_id)
        if isinstance(view, RunView):
            await take(found.chosen, link.store, view, specs)


async def _choose(link: Link, asked: Asked, found: Found) -> None:
    if not asked.run_ids:
        found.chosen = await newest_runs(
            link.client, link.store, asked.agent, asked.last, asked.statuses
        )
        return
    for run_id in asked.run_ids:
        view = await ended_run(link.client, link.store, run_id)
        theirs = isinstance(view, RunView) and view.result.agent == asked.agent
        if view.ended is None or not theirs:
            raise CommandError(f"{run_id} is no run of {asked.agent} that has ended")
    await _take(link, list(dict.fromkeys(asked.run_ids)), found)


def _cap(asked: Asked, runs: list[PastRun]) -> Cap:
    """What may be spent.

    Raises:
        CommandError: nobody could count the dollars.
    """
    tried = {past.spec.digest: asked.variant.of(past.spec) for past in runs}
    if all(is_priced(spec.runtime) for spec in tried.values()):
        return Cap(micros=round(asked.usd * 1_000_000), tokens=asked.tokens)
    if asked.tokens is None:
        raise CommandError(
            "no price is known of what is to be asked, so --usd could not be kept: say how many "
            "tokens it may use with --tokens, or give it a runtime.price",
            ExitCode.WRONG,
        )
    return Cap(tokens=asked.tokens)
