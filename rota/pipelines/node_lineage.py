"""A node's run below its pipeline's run: what it is part of, and what it is for. Pure."""

from datetime import datetime
from typing import Any

from rota.budgets.reservations import Cap
from rota.coordination.lineage import Lineage
from rota.ids import format_slot
from rota.model import content_digest
from rota.pipelines.moves import Start
from rota.turns.outcome import RunOrigin


def node_lineage(
    origin: RunOrigin,
    start: Start,
    deadline: datetime | None,
    *,
    tainted: bool = False,
    allowance: Cap | None = None,
) -> Lineage:
    """Return the lineage of a node's run; every attempt at it has the same occasion.

    Args:
        origin: The pipeline's run.
        start: What is to be started.
        deadline: The node's.
        tainted: A node before it had read what may be the words of people outside the team.
        allowance: What it may spend of what the pipeline has left, with all below it.
    """
    above = origin.lineage
    node = start.node if start.item is None else f"{start.node}/{start.item}"
    bounds = [at for at in (deadline, origin.bound) if at is not None]
    return Lineage(
        root=above.root if above else origin.run.id,
        parent=origin.run.id,
        depth=above.depth + 1 if above else 1,
        agents=above.agents if above else (),
        pipeline=origin.agent,
        node=node,
        occasion=f"{occasion_of(origin)}/{_part(start)}",
        deadline=min(bounds) if bounds else None,
        allowance=allowance,
        began=origin.began,
        tainted=tainted or (above is not None and above.tainted),
    )


def occasion_of(origin: RunOrigin) -> str:
    """Return what a pipeline's run is for: its slot; else its event, or the run itself.

    A re-run without a slot is given the first run's key as its lineage's occasion, so that
    its nodes repeat no effect of the first.
    """
    if origin.slot is not None:
        return f"{origin.agent}@{format_slot(origin.slot)}"
    above = origin.lineage
    return f"{origin.agent}@{above.occasion if above and above.occasion else origin.run.key}"


def _part(start: Start) -> str:
    if start.item is None:
        return start.node
    # With the item itself: in a re-run the same number may stand for something else.
    return f"{start.node}/{start.item}-{_told_apart(start.value)}"


def _told_apart(item: Any) -> str:
    return content_digest(item)[:12]
