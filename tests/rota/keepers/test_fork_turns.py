"""Forks take no turn: a run that waits for people for a day keeps no other from its work."""

from typing import Any

import pytest

from rota.coordination.lineage import Fork, Lineage
from rota.keepers.admission import Decision
from rota.runs import RunStatus
from tests.rota.keepers.desks import T0, Desk, run

FORK = Lineage(root="r", parent="r", fork=Fork(run_id="r", turn=1, begin="0" * 64))


@pytest.mark.parametrize(
    "spec", [{}, {"session_concurrency": "skip"}, {"parallel": 1}, {"session_key": "{input.a}"}]
)
@pytest.mark.parametrize("first", ["fork", "slot"])
def test_fork_and_scheduled_run_work_at_the_same_time(spec: dict[str, Any], first: str) -> None:
    """Whichever comes first, in one session, and where the agent may have one run at a time."""
    desk = Desk(**spec)
    asks: dict[str, Any] = {"fork": {"lineage": FORK}, "slot": {"slot": T0}}
    for name in (first, *({"fork", "slot"} - {first})):
        assert desk.admit(name, **asks[name], input={"a": "x"}).decision is Decision.GO, name
    holder = desk.session(desk.entry("slot").session).holder
    assert holder == run("slot")
    desk.settle("fork")
    assert desk.session(desk.entry("slot").session).holder == run("slot")
    assert desk.admit("next", input={"a": "x"}).decision is not Decision.GO


def test_fork_does_not_overtake_what_the_memory_has_become() -> None:
    """It was at work beside another run: what it changes is laid over that one's version."""
    desk = Desk()
    desk.admit("fork", lineage=FORK)
    desk.admit("slot", T0)
    assert not desk.settle("slot", base_memory=None, memory="of the slot").conflict
    settled = desk.settle("fork", base_memory=None, memory="of the fork")
    assert (settled.conflict, settled.memory) == (True, "of the slot")
    assert not desk.settle("fork", base_memory="of the slot", memory="of both").conflict
    assert desk.session().memory == "of both"


@pytest.mark.parametrize(("lineage", "last"), [(None, "b"), (FORK, "a")])
def test_fork_is_nobodys_newest_success(lineage: Lineage | None, last: str) -> None:
    """Of an agent without a schedule, whose newest success others may need."""
    desk = Desk()
    for name, of in (("a", None), ("b", lineage)):
        desk.admit(name, lineage=of)
        desk.settle(name, RunStatus.SUCCEEDED)
    newest = desk.state.last_success
    assert newest is not None
    assert newest.run == run(last)
