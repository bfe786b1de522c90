"""When a keeper looks after runs, and after which, without a server."""

from datetime import timedelta

from rota.budgets.reservations import HoldRequest
from rota.coordination.upstream import NeedRequest
from rota.keepers import account as keeper_account
from rota.keepers import needs, orders, settling
from rota.keepers.admission import RunRef
from rota.runs import Trigger
from rota.schedule.spec import ScheduleSpec
from tests.rota.keepers.desks import T0, Desk, run
from workflows.activity_options import RECLAIM_INTERVAL
from workflows.keeper_kit.lookout import AT_ONCE, OPEN_CHECK, Lookout

HOURLY = ScheduleSpec.model_validate({"cron": "0 * * * *"})


def need(desk: Desk, waiter: str = "mail") -> None:
    """A run of another agent needs the desk's slot."""
    request = NeedRequest(waiter=run(waiter), slot=T0, within_seconds=60.0)
    desk.state, _ = needs.ask(desk.state, request, desk.now)


def seen(desk: Desk, lookout: Lookout) -> set[str]:
    """Ids of the runs looked after now."""
    return {suspect.id for suspect in lookout.suspects(desk.state, desk.now)}


def rested() -> Lookout:
    """A lookout that has just looked at everything."""
    lookout = Lookout(T0)
    lookout.suspects(Desk().state, T0)
    return lookout


def test_keeper_of_which_nobody_wants_anything_sets_no_timer() -> None:
    """Runs at work, and watchers of a slot nobody runs yet, cost nothing."""
    desk = Desk(schedule=HOURLY)
    desk.admit("r1")
    need(desk)
    assert rested().pause(desk.state, T0) is None


def test_upstream_run_that_somebody_needs_is_looked_after() -> None:
    """Once per interval while it is open."""
    desk = Desk(schedule=HOURLY)
    desk.admit("r1", T0)
    need(desk)
    lookout = rested()
    assert lookout.pause(desk.state, T0) == RECLAIM_INTERVAL
    assert seen(desk, lookout) == set()
    desk.at(T0 + RECLAIM_INTERVAL)
    assert seen(desk, lookout) == {"r1"}
    assert seen(desk, lookout) == set()
    desk.settle("r1")
    assert lookout.pause(desk.state, desk.now) is None


def test_run_that_holds_money_and_is_in_no_ledger_is_looked_after() -> None:
    """An earlier keeper had admitted it; if it is lost, nobody else would ever free what it has."""
    desk, lookout = Desk(), rested()
    request = HoldRequest(agent="report", run=run("stray"))
    desk.state, _ = keeper_account.hold(desk.state, request, T0)
    desk.at(T0 + OPEN_CHECK)
    assert seen(desk, lookout) == set()
    desk.at(T0 + 2 * OPEN_CHECK)
    assert seen(desk, lookout) == {"stray"}
    desk.state = settling.reclaim(desk.state, run("stray"), desk.now)
    assert not desk.state.account.holds


def test_run_of_an_order_is_looked_after_admitted_or_not() -> None:
    """From the server's word that it has started to the end in the ledger."""
    desk = Desk()
    desk.state = orders.request_rerun(desk.state, T0)
    lookout = rested()
    assert lookout.pause(desk.state, T0) == RECLAIM_INTERVAL
    (order,) = desk.state.orders
    desk.at(T0 + RECLAIM_INTERVAL)
    assert seen(desk, lookout) == set()
    desk.state = orders.confirmed(desk.state, [RunRef(id=order.run_id, key="k")])
    desk.at(T0 + 2 * RECLAIM_INTERVAL)
    assert seen(desk, lookout) == {order.run_id}
    desk.admit(order.run_id, T0, trigger=Trigger.RERUN)
    desk.at(T0 + 3 * RECLAIM_INTERVAL)
    assert seen(desk, lookout) == {order.run_id}
    desk.settle(order.run_id)
    desk.state = orders.closed_orders(desk.state)
    assert lookout.pause(desk.state, desk.now) is None


def test_holder_of_a_key_is_looked_after_while_others_wait_for_its_end() -> None:
    """A run that nobody shares is left alone."""
    desk = Desk(session_concurrency="parallel", dedupe_key="{input.sha}")
    desk.admit("r1", input={"sha": "a"})
    lookout = rested()
    assert lookout.pause(desk.state, T0) is None
    desk.admit("r2", input={"sha": "a"})
    assert lookout.pause(desk.state, T0) == RECLAIM_INTERVAL
    desk.at(T0 + RECLAIM_INTERVAL)
    assert seen(desk, lookout) == {"r1"}


def test_all_runs_at_work_are_looked_after_while_a_place_is_waited_for() -> None:
    """With `limits.parallel` any of them may be the one that is gone."""
    desk = Desk(session_concurrency="parallel", parallel=2)
    for name in ("r1", "r2", "r3"):
        desk.admit(name)
    desk.at(T0 + RECLAIM_INTERVAL)
    assert seen(desk, rested()) == {"r1", "r2"}


def test_old_watchers_are_looked_after_with_old_runs() -> None:
    """A waiter that was terminated must not be remembered for ever."""
    desk = Desk(schedule=HOURLY)
    need(desk, "old")
    lookout = rested()
    desk.at(T0 + OPEN_CHECK)
    need(desk, "young")
    assert lookout.check_is_due(desk.now)
    assert seen(desk, lookout) == set()
    desk.at(T0 + 2 * OPEN_CHECK - timedelta(seconds=1))
    assert not lookout.check_is_due(desk.now)
    desk.at(T0 + 2 * OPEN_CHECK)
    assert seen(desk, lookout) == {"old"}


def test_more_runs_than_one_look_takes_are_looked_after_in_turns() -> None:
    """Never more than the bound at once, the oldest first, and none is left out for good."""
    desk = Desk(session_concurrency="parallel", parallel=250)
    names = [f"r{number}" for number in range(250)]
    for name in (*names, "waits"):
        desk.admit(name)
    lookout, looks = rested(), []
    for number in range(1, 4):
        desk.at(T0 + number * RECLAIM_INTERVAL)
        looks.append([suspect.id for suspect in lookout.suspects(desk.state, desk.now)])
    assert [len(look) for look in looks] == [AT_ONCE] * 3
    assert [*looks[0], *looks[1], *looks[2]][:250] == names


def test_old_runs_beyond_one_look_are_looked_after_next_though_nobody_waits() -> None:
    """What one look leaves over sets the timer for the next; what ended meanwhile does not."""
    desk = Desk(session_concurrency="parallel")
    for number in range(AT_ONCE + 2):
        desk.admit(f"r{number}")
    lookout = rested()
    desk.at(T0 + 2 * OPEN_CHECK)
    assert len(seen(desk, lookout)) == AT_ONCE
    assert lookout.pause(desk.state, desk.now) == RECLAIM_INTERVAL
    desk.settle(f"r{AT_ONCE}")
    desk.at(desk.now + RECLAIM_INTERVAL)
    assert seen(desk, lookout) == {f"r{AT_ONCE + 1}"}
    assert lookout.pause(desk.state, desk.now) is None
