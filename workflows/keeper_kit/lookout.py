"""When a keeper looks after runs, and after which: those that others wait for, and old ones.

Not carried across continue-as-new: what was looked at before is looked at again.
"""

from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.budgets import rules as budget_rules
    from rota.keepers import account as keeper_account
    from rota.keepers import ledger, needs, orders, settling
    from rota.keepers import rules as keeper
    from rota.keepers.admission import RunRef
    from rota.keepers.state import KeeperState
    from rota.runs import RunStatus
    from workflows.activity_options import RECLAIM_INTERVAL

OPEN_CHECK = timedelta(seconds=60)
"""Runs open for longer than this are looked after when the keeper next has work to do."""

AT_ONCE = 100
"""Runs looked after in one go: some seconds of a small server's time. More of them take turns,
so that a keeper with a thousand runs at work does not ask for all of them every time."""


class Lookout:
    """Remembers what was looked after, and when."""

    def __init__(self, now: datetime) -> None:
        self._checked_at = now - OPEN_CHECK
        self._looked_at = now - RECLAIM_INTERVAL
        self._refused: list[str] = []
        """Sessions that turned a run away since their holders were last looked after."""
        self._left: dict[str, RunRef] = {}
        """Runs to look after, by key; those that have waited longest for it first."""

    def refused(self, session: str) -> None:
        """Have the holder of a session looked after because of whom it kept out."""
        self._refused.append(session)

    def check_is_due(self, now: datetime) -> bool:
        """True if it is time to look after all that is open for long."""
        return now - self._checked_at >= OPEN_CHECK

    def pause(self, state: KeeperState, now: datetime) -> timedelta | None:
        """How long to wait for the next look; None if nobody waits for anything."""
        wanted = keeper.waiting_sessions(state) or state.orders or _awaited(state)
        if not (wanted or self._left):
            return None
        return max(self._looked_at + RECLAIM_INTERVAL - now, timedelta(0))

    def suspects(self, state: KeeperState, now: datetime) -> list[RunRef]:
        """The runs to look after now, each once; those there is no room for come next."""
        look, check = now - self._looked_at >= RECLAIM_INTERVAL, self.check_is_due(now)
        if look:
            holders = (*_holders(state, self._refused), *_awaited(state))
            self._add(*holders, *orders.started_runs(state))
            self._refused.clear()
            self._looked_at = now
        if check:
            before = now - OPEN_CHECK
            waiters = (w.request.waiter for w in state.watchers if w.since < before)
            strays = keeper_account.strays(state, before=before)
            self._add(*ledger.open_runs(state, before=before), *strays, *waiters)
            self._checked_at = now
        if not (look or check):
            return []
        left = [run for run in self._left.values() if not _has_ended(state, run)]
        self._left = {run.key: run for run in left[AT_ONCE:]}
        return left[:AT_ONCE]

    def _add(self, *runs: RunRef) -> None:
        for run in runs:
            self._left.setdefault(run.key, run)


def _has_ended(state: KeeperState, run: RunRef) -> bool:
    entry = state.ledger.get(run.key)
    return entry is not None and entry.status.closed


def _holders(state: KeeperState, refused: list[str]) -> list[RunRef]:
    """Runs that keep others of the same agent from working."""
    waiting = keeper.waiting_sessions(state)
    held = (state.session(key).holder for key in (*waiting, *refused))
    holders = [run for run in held if run is not None]
    if waiting and state.spec is not None and state.spec.parallel is not None:
        # Any run at work takes up room that those in the queues could have.
        at_work = (e.run for e in state.ledger.values() if e.status is RunStatus.RUNNING)
        holders += [run for run in at_work if run is not None]
    return holders


def _awaited(state: KeeperState) -> tuple[RunRef, ...]:
    """Runs whose end others wait for: runs with the same key, those in need or without money."""
    holders = budget_rules.holders(state.account)
    return (*settling.key_suspects(state), *needs.awaited_runs(state), *holders)
