"""What a keeper shows of itself in the Temporal UI."""

from datetime import datetime
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.budgets.text import account_lines
    from rota.checks.spec import OnFailure
    from rota.keepers.state import KeeperState

NAMED = 5
"""Runs named in one line."""


def memo_of(state: KeeperState) -> dict[str, Any]:
    """The declaration in force, for lists of keepers; empty names once it is retired.

    Also whose the last one was, the freeze, if there is one, and the agents that can fail its
    runs by not judging them.
    """
    spec, last = state.spec, state.spec or state.retired
    checks = spec.checks if spec else {}
    graded = spec.graders.items() if spec else ()
    graders = sorted({agent for check, agent in graded if checks[check] is OnFailure.FAIL})
    declared = state.in_force.declared
    return {
        "fleet": spec.fleet if spec else "",
        "digest": spec.digest if spec else "",
        "owner": last.fleet if last else "",
        "kind": last.kind if last else "Agent",
        "team": last.team if last else "",
        **({"graders": graders} if graders else {}),
        **({"since": declared[-1].since.isoformat()} if declared else {}),
        **({"freeze": state.freeze.model_dump(mode="json")} if state.freeze else {}),
    }


def details(state: KeeperState, notice: list[str], now: datetime) -> str:
    """The keeper's state in a few lines of Markdown, and what else it has to say."""
    spec = state.spec
    holders = [s.holder.id for s in state.sessions.values() if s.holder]
    watchers = [watcher.request.waiter.id for watcher in state.watchers]
    lines = [
        f"**{spec.name}** · {spec.description}" if spec else "**not declared**",
        f"{len(state.sessions)} sessions, {len(state.ledger) + state.paged} ledger entries",
    ]
    if state.freeze:
        lines.append(f"**{state.freeze.text}**, {state.freeze.ends}")
    if holders:
        lines.append("held by " + ", ".join(holders[:NAMED]))
    if watchers:
        lines.append(f"{len(watchers)} runs need a slot: " + ", ".join(watchers[:NAMED]))
    lines += [
        f"backfill {each.id}: {each.done} of {each.total} done"
        for each in state.backfills
        if each.done < each.total
    ]
    if state.open_effects:
        shown = ", ".join(f"{each.id} of {each.run.id}" for each in state.open_effects[:NAMED])
        lines.append(f"{len(state.open_effects)} effects of unknown outcome: {shown}")
    lines += account_lines(state.account, now)
    reruns = [order.run_id for order in state.orders if not order.batch]
    if reruns:
        lines.append("ordered: " + ", ".join(reruns[:NAMED]))
    return "\n\n".join([*lines, *notice])
