"""The agent's account, as its keeper uses it: reserved at admission, settled at the end.

Pure. The rules are in `rota.budgets.rules`; here the keeper's own records are read for them.
Every agent has one, limits or not, so that there is always a sum of the day and the month. A
pipeline spends nothing itself: its nodes are runs of agents.
"""

from datetime import datetime

from rota.budgets import lost_runs, spending
from rota.budgets import raises as budget_raises
from rota.budgets import rules as budget_rules
from rota.budgets.reservations import BudgetRaise, Cap, Grant, HoldEnd, HoldRequest
from rota.keepers.admission import Admission, AdmissionRequest, Decision, RunRef, Settlement
from rota.keepers.state import KeeperState
from rota.pinned_spec import PinnedSpec
from rota.usage import Usage


def declare(state: KeeperState, spec: PinnedSpec) -> KeeperState:
    """Put the limits of `spec` in force; what was counted stays."""
    account = budget_rules.declare(
        state.account, spec.window_caps, spec.budget_timezone, spec.soft_at
    )
    return state.model_copy(update={"account": account})


def granted(
    state: KeeperState, admission: Admission, request: AdmissionRequest, now: datetime
) -> tuple[KeeperState, Admission]:
    """Reserve for a run that may go. Repeating it changes nothing, unless it was refused."""
    spec = admission.spec
    if admission.decision is not Decision.GO or spec.kind != "Agent":
        return state, admission
    wanted = Cap(micros=spec.run_micros, tokens=spec.run_tokens)
    lent = request.lineage.allowance if request.lineage else None
    asked = HoldRequest(
        agent=spec.name, run=request.run, wanted=wanted.smaller(lent) if lent else wanted
    )
    state, grant = hold(state, asked, now)
    return state, admission.model_copy(update={"grant": grant})


def hold(state: KeeperState, request: HoldRequest, now: datetime) -> tuple[KeeperState, Grant]:
    """Answer a run that asks for more room, or gives it back."""
    owner = f"agent {request.agent}"
    account, grant = budget_rules.hold(state.account, request, owner, now)
    return state.model_copy(update={"account": account}), grant


def settled(state: KeeperState, settlement: Settlement, now: datetime) -> KeeperState:
    """Count what a run has used. Repeating it changes nothing."""
    account = budget_rules.end(state.account, end_of(settlement), now)
    return state.model_copy(update={"account": account})


def end_of(settlement: Settlement) -> HoldEnd:
    """What an account is told of a run's end."""
    usage = settlement.usage
    return HoldEnd(
        run=settlement.run,
        spent=spending.known(usage),
        unknown=spending.lost(usage),
        unpriced=usage.cost_micros is None,
    )


def lost_use(state: KeeperState, run: RunRef, used: Usage) -> Usage:
    """What the ledger says a run has used that is gone, the same as the account counts."""
    held = state.account.holds.get(run.key)
    return lost_runs.use_of(held, used) if held is not None else Usage()


def lost(state: KeeperState, run: RunRef, used: Usage) -> KeeperState:
    """Count a run that is gone, and did not say what it used beyond what is on record."""
    return state.model_copy(update={"account": budget_rules.lost(state.account, run, used)})


def strays(state: KeeperState, *, before: datetime) -> list[RunRef]:
    """Runs that have held something since before then, and of which the ledger knows nothing.

    The keeper that had admitted them was lost, and they asked the one after it for more.
    """
    holds = state.account.holds.values()
    return [each.run for each in holds if each.at < before and each.run.key not in state.ledger]


def give(state: KeeperState, given: BudgetRaise, now: datetime) -> KeeperState:
    """Raise a limit of the day or the month. Repeating it changes nothing.

    Raises:
        budget_raises.RaiseRefusedError: there is no such limit, or the raise gives nothing.
    """
    spec = state.spec or state.retired
    owner = f"agent {spec.name}" if spec else "an agent that nobody has declared"
    account = budget_raises.give(state.account, given, owner, now)
    return state.model_copy(update={"account": account})


def due_word(state: KeeperState, now: datetime) -> tuple[KeeperState, tuple[RunRef, ...]]:
    """Take those out of the waiting for whom there may be room: they are to be told."""
    account, told = budget_rules.due_word(state.account, now)
    return state.model_copy(update={"account": account}), told
