"""The agent's account at its keeper: reserved when a run goes, settled when it ends."""

from datetime import timedelta
from typing import Any

from rota.budgets.reservations import Account, Amount, Cap, Grant, HoldRequest, Tally, WindowKind
from rota.coordination.lineage import Lineage
from rota.keepers import account as keeper_account
from rota.keepers import settling
from rota.keepers.admission import Decision
from rota.runs import RunStatus
from rota.usage import Usage
from tests.rota.keepers.desks import T0, Desk, run

DOLLAR = 1_000_000


def desk(**spec: Any) -> Desk:
    """A keeper whose agent may spend five dollars a day."""
    return Desk(window_caps={"day": {"micros": 5 * DOLLAR}}, **spec)


def grant_of(desk: Desk, name: str, **request: Any) -> Grant:
    """What a run is granted as it goes."""
    answer = desk.admit(name, **request)
    assert answer.decision is Decision.GO
    assert answer.grant is not None
    return answer.grant


def today(account: Account) -> Tally:
    """The newest day."""
    return account.windows[WindowKind.DAY][-1]


def used(micros: int, **more: Any) -> Usage:
    """What a run has used."""
    return Usage(input_tokens=10, cost_micros=micros, **more)


def test_run_that_goes_has_its_own_limit_reserved() -> None:
    """What it may need is set aside with its admission, in one step."""
    reserving = desk(run_micros=2 * DOLLAR)
    assert grant_of(reserving, "r1").room == Cap(micros=2 * DOLLAR)
    assert reserving.state.account.holds[run("r1").key].amount.micros == 2 * DOLLAR


def test_run_that_waits_reserves_when_its_turn_comes() -> None:
    """In the queue it keeps nobody from working."""
    waiting = desk(run_micros=2 * DOLLAR)
    waiting.admit("r1")
    assert waiting.admit("r2").grant is None
    assert set(waiting.state.account.holds) == {run("r1").key}
    waiting.settle("r1", usage=used(DOLLAR))
    granted = waiting.grant()
    assert granted is not None
    assert granted.grant is not None
    assert granted.grant.room.micros == 2 * DOLLAR


def test_run_without_room_goes_with_a_refusal() -> None:
    """It is let in, and what it does then is its own declaration's to say."""
    full = desk(session_concurrency="parallel", run_micros=5 * DOLLAR)
    grant_of(full, "r1")
    refused = grant_of(full, "r2")
    assert refused.refused.startswith("day_usd of agent report: $5.0000 of $5.0000")
    assert [waiter.run for waiter in full.state.account.waiting] == [run("r2")]


def test_request_that_comes_again_reserves_once() -> None:
    """The answer to an admission may be lost, and is asked for again."""
    again = desk(run_micros=2 * DOLLAR)
    first = grant_of(again, "r1")
    assert grant_of(again, "r1") == first
    assert len(again.state.account.holds) == 1


def test_run_that_was_lent_less_reserves_less() -> None:
    """A called agent needs no more than its caller lets it have."""
    lent = Lineage(root="p", parent="p", allowance=Cap(micros=DOLLAR))
    assert grant_of(desk(run_micros=2 * DOLLAR), "r1", lineage=lent).room.micros == DOLLAR


def test_settlement_counts_what_was_used_once() -> None:
    """Money, tokens and lost attempts, whatever was reserved."""
    settled = desk(run_micros=2 * DOLLAR)
    grant_of(settled, "r1")
    for _ in range(2):
        settled.settle("r1", usage=used(DOLLAR, unknown_micros=7))
    tally = today(settled.state.account)
    assert (tally.spent, tally.unknown) == (Amount(micros=DOLLAR, tokens=10), Amount(micros=7))
    assert (tally.runs, tally.unpriced_runs) == (1, 0)
    assert settled.state.account.holds == {}


def test_settlement_without_a_price_counts_tokens_and_is_shown() -> None:
    """A sum in which something is missing says so."""
    unpriced = Desk()
    grant_of(unpriced, "r1")
    unpriced.settle("r1", RunStatus.FAILED, usage=Usage(input_tokens=5, cost_micros=None))
    tally = today(unpriced.state.account)
    assert (tally.spent, tally.unpriced_runs) == (Amount(tokens=5), 1)


def test_reclaimed_run_counts_all_it_held_as_unknown() -> None:
    """Nobody knows what a run that is gone has spent; it may be all of it."""
    lost = desk(run_micros=2 * DOLLAR)
    grant_of(lost, "r1")
    lost.state = settling.reclaim(lost.state, run("r1"), lost.now)
    assert today(lost.state.account).unknown.micros == 2 * DOLLAR
    lost.settle("r1", usage=used(DOLLAR))
    assert today(lost.state.account).spent.micros == 0


def test_reclaimed_run_costs_in_the_ledger_what_it_costs_in_the_account() -> None:
    """What it had told is spent, the rest of what it held is unknown: once, in both."""
    lost = desk(run_micros=2 * DOLLAR)
    grant_of(lost, "r1")
    told = Amount(micros=500, tokens=50)
    more = HoldRequest(agent="report", run=run("r1"), number=2, wanted=Cap(micros=700), spent=told)
    lost.state, _ = keeper_account.hold(lost.state, more, lost.now)
    lost.state = settling.reclaim(lost.state, run("r1"), lost.now)
    (entry,), day = lost.state.ledger.values(), today(lost.state.account)
    assert (entry.usage.cost_micros, entry.usage.tokens) == (day.spent.micros, day.spent.tokens)
    assert (entry.usage.cost_micros, entry.usage.unknown_micros) == (500, day.unknown.micros)
    assert day.unknown.micros == 700


def test_run_that_was_gone_before_it_began_counts_nothing() -> None:
    """It was granted its turn, and was not there to hear of it."""
    gone = desk(run_micros=2 * DOLLAR)
    gone.admit("r1")
    gone.admit("r2")
    gone.settle("r1")
    assert gone.grant() is not None
    gone.state = settling.reclaim(gone.state, run("r2"), gone.now, began=False)
    assert gone.state.account.holds == {}
    assert today(gone.state.account).unknown == Amount()


def test_pipeline_reserves_nothing() -> None:
    """Its nodes are runs of agents, and have reservations of their own."""
    pipeline = desk(kind="Pipeline", run_micros=DOLLAR)
    assert pipeline.admit("r1").grant is None
    assert pipeline.state.account.holds == {}


def test_new_declaration_changes_limits_and_keeps_sums() -> None:
    """What was spent today stays spent when a limit is lowered."""
    changed = desk(run_micros=2 * DOLLAR)
    grant_of(changed, "r1")
    changed.settle("r1", usage=used(2 * DOLLAR))
    changed.declare(window_caps={"day": {"micros": DOLLAR}})
    assert grant_of(changed, "r2").refused.startswith("day_usd of agent report: $2.0000 of $1.0000")


def test_more_room_is_asked_for_while_the_run_works() -> None:
    """The next reservation counts what was spent of the one before."""
    working = desk(run_micros=DOLLAR)
    grant_of(working, "r1")
    request = HoldRequest(
        agent="report",
        run=run("r1"),
        number=2,
        wanted=Cap(micros=9 * DOLLAR),
        spent=Amount(micros=DOLLAR),
    )
    working.state, grant = keeper_account.hold(working.state, request, T0 + timedelta(minutes=1))
    assert (grant.number, grant.room.micros) == (2, 4 * DOLLAR)
    assert today(working.state.account).spent.micros == DOLLAR


def test_runs_never_admitted_here_count_all_the_same() -> None:
    """A keeper that was lost and applied anew still hears what its runs have used."""
    anew = desk()
    anew.settle("r1", usage=used(DOLLAR))
    assert today(anew.state.account).spent.micros == DOLLAR
