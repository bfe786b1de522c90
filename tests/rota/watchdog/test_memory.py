"""From one check to the next: nobody is forgotten, and nothing is lost without a word."""

from datetime import timedelta
from typing import Any

import pytest

from rota.notices.facts import Fact
from rota.notices.spec import NotifySpec, Occasion
from rota.watchdog.alerts import GONE, Alert, Finding
from rota.watchdog.crowd import MOST_ALERTS
from rota.watchdog.looks import Looked
from rota.watchdog.memory import MOST_TROUBLE, WatchMemory, remember
from rota.watchdog.recalling import recall
from tests.rota.keepers.desks import T0

MINUTE = timedelta(minutes=1)
HOOK = (NotifySpec.model_validate({"on": ["missed"], "email": ["ops@example.com"]}),)


def missed(agent: str) -> Finding:
    """Something to tell of an agent."""
    key = f"missed/{agent}/x"
    return Finding(key=key, kind=Occasion.MISSED, agent=agent, since=T0, reason="r")


def alert(agent: str) -> Alert:
    """The same, told."""
    return Alert.model_validate({**missed(agent).model_dump(), "opened": T0})


def check(
    memory: WatchMemory, *pages: Looked, whole: bool = True
) -> tuple[WatchMemory, list[tuple[str, bool, str]]]:
    """The next check, a minute later: what is remembered, and what is told."""
    now = (memory.checked or T0) + MINUTE
    after, news = remember(memory, "f", pages, now, whole=whole)
    return after, [(each.alert.agent, each.resolved, each.alert.ended) for each in news]


def test_agent_that_could_not_be_judged_is_judged_from_where_it_was_left() -> None:
    """No slot falls between two checks."""
    before = WatchMemory(judged_until=T0, undecided={"a": T0 - MINUTE})
    after, _ = check(before, Looked(agents=("b",), unheard={"a": "why", "c": "why"}))
    assert after.undecided == {"a": T0 - MINUTE, "c": T0}
    assert after.trouble == ("a, c: why",)


def test_agents_are_judged_since_the_check_before_the_last_that_listed_all() -> None:
    """Who was left out by one list, and of whom nothing is known, is seen by the next in time."""
    memory, since = WatchMemory(), list[Any]()
    for whole in (True, True, False, True, True):
        memory, _ = check(memory, Looked(agents=("a",)), whole=whole)
        assert memory.judged_until is not None
        since.append((memory.judged_until - T0) // MINUTE)
        memory = memory.model_copy(update={"alerts": ()})
    assert since == [1, 1, 1, 2, 4]


def test_agent_is_gone_only_if_two_lists_running_leave_it_out() -> None:
    """A keeper that goes on in a new execution may be on neither of two pages."""
    memory = WatchMemory(judged_until=T0, undecided={"a": T0}, alerts=(alert("a"),))
    once, news = check(memory, Looked(agents=("b",)))
    assert (once.absent, once.undecided, news) == (("a",), {"a": T0}, [])
    assert once.alerts == memory.alerts
    back, _ = check(once, Looked(agents=("a", "b"), findings=(missed("a"),)))
    assert (back.absent, len(back.open)) == ((), 1)
    gone, news = check(once, Looked(agents=("b",)))
    assert (gone.undecided, gone.alerts, news) == ({}, (), [("a", True, GONE)])
    half, news = check(once, Looked(agents=("b",)), whole=False)
    assert (half.absent, len(half.alerts), news) == (("a",), 1, [])


def test_more_alerts_than_are_remembered_are_one_alert_and_told_when_there_is_room() -> None:
    """Nothing is dropped in silence: an outage of a large fleet is just that."""
    names = [f"a{number:03}" for number in range(MOST_ALERTS + 100)]
    found = tuple(missed(name) for name in names)
    memory = WatchMemory(judged_until=T0)
    first, news = check(memory, Looked(agents=tuple(names), findings=found))
    assert len(news) == MOST_ALERTS + 1
    summary = first.alerts[-1]
    assert (summary.count, summary.kind, summary.agent) == (100, Occasion.MISSED, "")
    assert summary.reason in first.trouble
    assert first.undecided == dict.fromkeys(names[MOST_ALERTS:], T0)
    same, again = check(first, Looked(agents=tuple(names), findings=found))
    assert (again, same.undecided) == ([], first.undecided)
    last, told = check(same, Looked(agents=tuple(names), findings=found[-100:]))
    assert (len(last.open), last.undecided) == (100, {})
    opened = {agent for agent, resolved, _ in told if not resolved}
    assert (opened, ("", True, "") in told) == (set(names[-100:]), True)


def test_what_is_about_the_fleet_has_room_before_all_else() -> None:
    """That nobody serves the queue is why everything is missed."""
    names = tuple(f"a{number}" for number in range(MOST_ALERTS + 1))
    page = Looked(
        agents=names, findings=tuple(map(missed, names)), served={"q": False}, queues={"q": 1}
    )
    after, _ = check(WatchMemory(judged_until=T0), page)
    assert after.alerts[0].kind is Occasion.UNSERVED


@pytest.mark.parametrize(
    ("whys", "told"),
    [
        pytest.param(["no answer"], [], id="once"),
        pytest.param(["no answer", "no answer"], [False], id="twice"),
        pytest.param(["no answer", "no answer", None], [False, True], id="and it is back"),
        pytest.param(["", "", ""], [], id="an alert of its queue says it"),
    ],
)
def test_agent_that_is_not_watched_is_told_if_it_stays_so(
    whys: list[str | None], told: list[bool]
) -> None:
    """A keeper that does not answer blinds the Watchdog: never without a word."""
    memory, news = WatchMemory(), list[bool]()
    for why in whys:
        page = Looked(agents=("a",)) if why is None else Looked(unheard={"a": why})
        memory, more = check(memory, page)
        news += [resolved for _, resolved, _ in more]
    assert news == told


def test_channels_of_an_agent_are_remembered_while_there_is_anything_to_tell_of_it() -> None:
    """They hear the end, too, though the agent is gone, or its keeper says nothing."""
    page = Looked(agents=("a", "b"), findings=(missed("a"),), notify={"a": HOOK, "b": HOOK})
    first, _ = check(WatchMemory(judged_until=T0), page)
    assert first.notify == {"a": HOOK}
    silent, _ = check(first, Looked(agents=("b",), unheard={"a": ""}))
    assert silent.notify == {"a": HOOK}
    over, _ = check(silent, Looked(agents=("a", "b")))
    fact = Fact(id="1", occasion=Occasion.MISSED, agent="a", at=T0)
    owed, _ = check(over.model_copy(update={"untold": (fact,)}), Looked(agents=("a", "b")))
    assert (over.notify, owed.notify) == ({"a": HOOK}, {"a": HOOK})
    assert check(over, Looked(agents=("a", "b")))[0].notify == {}
    changed, _ = check(first, Looked(agents=("a",), findings=(missed("a"),), notify={"a": ()}))
    assert changed.notify == {}


def test_trouble_of_many_is_told_by_its_reasons() -> None:
    """Not with a line for each agent."""
    whys = {f"a{number}": "no answer" for number in range(9)}
    lines = tuple(f"line {number}" for number in range(MOST_TROUBLE + 5))
    after, _ = check(WatchMemory(), Looked(unheard=whys))
    assert after.trouble == ("a0, a1, a2 and 6 more: no answer",)
    after, _ = check(WatchMemory(), Looked(agents=("a",), trouble=lines))
    assert after.trouble[-1] == "and 5 more"


@pytest.mark.parametrize(
    ("broken", "lost"),
    [
        pytest.param({}, "", id="nothing"),
        pytest.param({"alerts": [{"kind": "unheard_of"}]}, "(alerts)", id="an alert"),
        pytest.param({"untold": 3}, "(untold)", id="a field"),
        pytest.param({"undecided": {"b": "some day"}}, "(undecided)", id="of an agent"),
        pytest.param({"archive": {"lag_seconds": "long"}}, "(archive)", id="within a record"),
    ],
)
def test_memory_that_cannot_be_read_is_read_as_far_as_it_can_be(
    broken: dict[str, Any], lost: str
) -> None:
    """Left by a newer version: the Watchdog goes on, and says so."""
    known = WatchMemory(checked=T0, undecided={"a": T0}, alerts=(alert("a"),))
    raw = known.model_dump(mode="json")
    for key, value in broken.items():
        match raw[key], value:
            case list() as old, list() as more:
                raw[key] = [*old, *more]
            case dict() as old, dict() as more:
                raw[key] = {**old, **more}
            case _:
                raw[key] = value
    read, said = recall(raw)
    assert (lost in said, bool(said)) == (True, bool(lost))
    assert (read.checked, read.undecided, read.alerts) == (T0, {"a": T0}, known.alerts)
