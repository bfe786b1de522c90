"""What a keeper does about its sessions' baselines. Pure; the rules are `rota.checks.baseline`."""

from collections.abc import Callable
from datetime import datetime

from rota.checks import baseline
from rota.checks.baseline import (
    BaselineMode,
    BaselineRefusedError,
    BaselineRequest,
    BaselineState,
    SessionResult,
)
from rota.keepers.state import KeeperState, LedgerEntry
from rota.runs import RunStatus, Trigger


def accept(
    state: KeeperState, request: BaselineRequest, now: datetime
) -> tuple[KeeperState, BaselineState]:
    """Make a session's candidate its baseline; idempotent by the result.

    Raises:
        BaselineRefusedError: the agent keeps no baseline, or `rota.checks.baseline.accept` refuses.
    """
    return _judged(state, request, now, baseline.accept)


def reject(
    state: KeeperState, request: BaselineRequest, now: datetime
) -> tuple[KeeperState, BaselineState]:
    """Drop a session's candidate, or take its baseline back; idempotent by the result.

    Raises:
        BaselineRefusedError: the agent keeps no baseline, or `rota.checks.baseline.reject` refuses.
    """
    return _judged(state, request, now, baseline.reject)


def after(state: KeeperState, closed: LedgerEntry, now: datetime) -> BaselineState:
    """The baseline of the entry's session, now that the entry is closed.

    An agent with a schedule keeps what its own runs find: a handoff works on what its caller
    gave it. A fork tries something out.
    """
    kept = state.session(closed.session).baseline
    success = closed.status is RunStatus.SUCCEEDED and closed.run is not None
    spec = state.spec or state.retired
    if not success or closed.run is None or closed.output is None or spec is None:
        return kept
    if closed.fork or (spec.schedule is not None and closed.trigger is Trigger.HANDOFF):
        return kept
    result = SessionResult(
        digest=closed.output,
        run=closed.run,
        slot=closed.own_slot,
        stands_for=closed.own_slot or closed.admitted_at,
        tainted=closed.tainted,
    )
    return baseline.succeeded(kept, spec.baseline, result, now)


def mode_of(state: KeeperState) -> BaselineMode | None:
    """Who accepts; None: the agent keeps no baseline, or is not declared."""
    return state.spec.baseline if state.spec else None


def _judged(
    state: KeeperState,
    request: BaselineRequest,
    now: datetime,
    judge: Callable[[BaselineState, BaselineRequest, datetime], BaselineState],
) -> tuple[KeeperState, BaselineState]:
    if mode_of(state) is None:
        name = state.spec.name if state.spec else "the agent"
        raise BaselineRefusedError(
            f"{name} keeps no baseline: declare 'session: {{baseline: manual}}', then 'rota apply'"
        )
    session = state.session(request.session)
    judged = judge(session.baseline, request, now)
    changed = session.model_copy(update={"baseline": judged})
    return state.with_session(request.session, changed), judged
