"""Freezes whatever happens: generated stories of a keeper, and what must hold in each."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rota.keepers import freezing
from rota.keepers.admission import Admission, Decision
from rota.keepers.freeze import FreezeMode
from rota.runs import RunStatus
from tests.rota.keepers.desks import HOUR, T0
from tests.rota.keepers.test_freezing import FrozenDesk, part_of, request

MINUTE = timedelta(minutes=1)

freezes = st.fixed_dictionaries(
    {
        "by": st.sampled_from(["ann", "bob"]),
        "reason": st.sampled_from(["leak", "quarter end"]),
        "mode": st.sampled_from(list(FreezeMode)),
        "until": st.none() | st.integers(1, 300).map(lambda minutes: T0 + minutes * MINUTE),
    }
)
steps = st.lists(
    st.tuples(st.just("admit"), st.sampled_from(["manual", "schedule", "handoff", "order"]))
    | st.tuples(st.just("settle"), st.integers(0, 9))
    | st.tuples(st.just("freeze"), freezes)
    | st.tuples(st.sampled_from(["thaw", "grant"]), st.none()),
    max_size=40,
)


class Story:
    """A keeper to which something happens every minute."""

    def __init__(self, parallel: int | None) -> None:
        self.desk = FrozenDesk(parallel=parallel)
        self.at_work: list[str] = []

    def happens(self, number: int, what: str, detail: Any) -> None:
        """Take one step, the minute after the last."""
        desk = self.desk.at(T0 + number * MINUTE)
        desk.state = freezing.lifted(desk.state, desk.now)
        if what == "admit":
            self._check(_admit(self.desk, f"run-{number}", detail))
        elif what == "settle" and self.at_work:
            desk.settle(self.at_work.pop(detail % len(self.at_work)))
        elif what == "freeze" and (detail["until"] is None or detail["until"] > desk.now):
            self.desk.freeze(**detail)
        elif what == "thaw":
            self.desk.thaw()
        elif what == "grant":
            self.grant()

    def grant(self) -> bool:
        """Give a turn to who is next; false if nobody is."""
        granted = self.desk.grant()
        self._check(granted)
        return granted is not None

    def _check(self, answer: Admission | None) -> None:
        held = self.desk.state.freeze
        if answer is None or answer.decision is not Decision.GO:
            return
        self.at_work.append(answer.run.id)
        if held is not None:
            assert held.mode is FreezeMode.DRAIN
            assert answer.lineage is not None
            assert answer.lineage.began is not None
            assert answer.lineage.began <= held.at


@given(steps=steps, parallel=st.none() | st.integers(1, 2))
def test_nothing_new_goes_while_frozen_and_all_that_wait_go_in_the_end(
    steps: list[tuple[str, Any]], parallel: int | None
) -> None:
    """Every *go* under a freeze is a part of older work; thawed, the queues run empty."""
    story = Story(parallel)
    for number, (what, detail) in enumerate(steps):
        story.happens(number, what, detail)
    story.desk.thaw()
    while story.grant() or story.at_work:
        if story.at_work:
            story.desk.settle(story.at_work.pop())
    entries = story.desk.state.ledger.values()
    assert all(entry.status.closed for entry in entries)
    frozen = [entry for entry in entries if entry.frozen]
    assert all(entry.status is RunStatus.SKIPPED and entry.reason for entry in frozen)


@given(first=freezes, second=freezes, third=freezes)
def test_freezes_of_several_people_come_to_the_same_in_any_order(
    first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]
) -> None:
    """How long, how strict, since when, and that each is named: no order matters."""

    def outcome(*asked: dict[str, Any]) -> tuple[Any, ...]:
        state = FrozenDesk().state
        for each in asked:
            state, _ = freezing.freeze(state, request(**each), T0)
        held = state.freeze
        assert held is not None
        names = {f"{held.by}: {held.reason}", *held.earlier}
        repeated, _ = freezing.freeze(state, request(**asked[0]), T0)
        assert repeated == state, "said again, it changes nothing"
        return held.at, held.until, held.mode, held.scope, names

    assert outcome(first, second, third) == outcome(third, second, first)


def _admit(desk: FrozenDesk, name: str, kind: str) -> Admission:
    if kind == "order":
        desk.order(name, desk.now, force=False)
        return desk.admit(name, desk.now, trigger="backfill")
    if kind == "schedule":
        return desk.admit(name, desk.now)
    lineage = part_of(T0 - HOUR) if kind == "handoff" else None
    return desk.admit(name, trigger=kind, lineage=lineage)
