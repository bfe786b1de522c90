"""What a node's run is part of, and what it is for."""

from datetime import timedelta
from typing import Any

from rota.coordination.lineage import Lineage
from rota.keepers.admission import RunRef
from rota.pipelines.moves import Start
from rota.pipelines.node_lineage import node_lineage, occasion_of
from rota.runs import Trigger
from rota.turns.outcome import RunOrigin
from tests.rota.pipelines.dag_play import T0

HOUR = timedelta(hours=1)


def origin(**fields: Any) -> RunOrigin:
    """A run of `morning`."""
    run = RunRef(id="morning-1", key="key-1")
    return RunOrigin.model_validate(
        {"agent": "morning", "run": run, "trigger": Trigger.MANUAL, **fields}
    )


def start(item: int | None = None, value: Any = None, attempt: int = 1) -> Start:
    """A run of node `mail`."""
    return Start("mail", item or 0, item, value, attempt, {})


def test_lineage_of_a_root_begins_with_the_pipeline() -> None:
    """Root and parent are the pipeline's run."""
    lineage = node_lineage(origin(slot=T0), start(), None)
    assert (lineage.root, lineage.parent, lineage.depth) == ("morning-1", "morning-1", 1)
    assert (lineage.pipeline, lineage.node) == ("morning", "mail")
    assert lineage.occasion == "morning@2026-11-23T05:00:00Z/mail"


def test_lineage_below_another_run_goes_on_from_there() -> None:
    """Root, depth and the agents above are handed down; the earliest deadline binds."""
    above = Lineage(root="r", parent="x", depth=2, agents=("x",), deadline=T0 + HOUR)
    lineage = node_lineage(origin(lineage=above), start(), T0 + 2 * HOUR)
    assert (lineage.root, lineage.parent, lineage.depth) == ("r", "morning-1", 3)
    assert lineage.agents == ("x",)
    assert lineage.deadline == T0 + HOUR


def test_occasion_is_the_slot_else_the_event_else_the_run() -> None:
    """A re-run of a run without a slot is given that one's key, and so has its occasion."""
    event = Lineage(root="r", parent="topic:x", occasion="event:e1")
    assert occasion_of(origin(slot=T0, lineage=event)) == "morning@2026-11-23T05:00:00Z"
    assert occasion_of(origin(lineage=event)) == "morning@event:e1"
    again = Lineage(root="r", parent="morning-0", occasion="key-1")
    assert occasion_of(origin()) == occasion_of(origin(lineage=again)) == "morning@key-1"


def test_occasion_is_the_same_for_every_attempt_and_another_for_every_item() -> None:
    """A repeat repeats no effect; another item under the same number is another occasion."""
    first = node_lineage(origin(slot=T0), start(3, {"branch": "a"}), None)
    repeat = node_lineage(origin(slot=T0), start(3, {"branch": "a"}, attempt=2), None)
    other = node_lineage(origin(slot=T0), start(3, {"branch": "b"}), None)
    beside = node_lineage(origin(slot=T0), start(4, {"branch": "a"}), None)
    assert first.node == "mail/3"
    assert first.occasion == repeat.occasion
    assert len({first.occasion, other.occasion, beside.occasion}) == 3
