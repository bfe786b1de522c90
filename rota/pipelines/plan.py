"""A pipeline's declaration made ready to run: every edge, the order, the times.

Pure. Made once per run; the rules in `rota.pipelines.rules` then only look things up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from graphlib import CycleError, TopologicalSorter

from rota.pipelines.gates import gate_time
from rota.pipelines.spec import NodeSpec, PipelineSpec
from rota.runs import Trigger


class PlanError(ValueError):
    """The declaration makes no graph that can be run; the message says why."""


@dataclass(frozen=True)
class Clock:
    """What the gates of one run of a pipeline are counted from."""

    started_at: datetime
    """Also the slot of a run that has none."""
    slot: datetime | None = None
    timezone: str = "UTC"
    trigger: Trigger = Trigger.MANUAL
    deadline: datetime | None = None
    """When the run as a whole must have ended."""


@dataclass(frozen=True)
class Plan:
    """One run's graph. Equal declarations and clocks give equal plans."""

    nodes: Mapping[str, NodeSpec]
    order: tuple[str, ...]
    """Every node after those it waits for; else as declared."""
    handles: Mapping[str, tuple[str, ...]]
    """Of a node that others name in `on_failure.run`: those others, as declared."""
    waits_for: Mapping[str, frozenset[str]]
    """The nodes that must have ended, or failed, before this one starts."""
    dependents: Mapping[str, tuple[str, ...]]
    """Nodes with an `after` edge to this one, as declared."""
    not_before: Mapping[str, datetime]
    deadlines: Mapping[str, datetime]
    deadline: datetime | None

    def is_before(self, earlier: str, name: str) -> bool:
        """True if `earlier` has always ended, or is what failed, when `name` starts."""
        seen: set[str] = set()
        ahead = [name]
        while ahead:
            for upstream in self.waits_for[ahead.pop()]:
                if upstream == earlier:
                    return True
                if upstream not in seen:
                    seen.add(upstream)
                    ahead.append(upstream)
        return False


def plan_of(spec: PipelineSpec, clock: Clock) -> Plan:
    """Lay out one run of `spec`.

    Raises:
        PlanError: an edge names no node, nodes wait for one another in a circle, or the
            time zone is unknown.
    """
    handles = _handles(spec)
    upstreams = {name: (*node.after, *handles.get(name, ())) for name, node in spec.nodes.items()}
    _all_known(upstreams)
    dependents: dict[str, list[str]] = {name: [] for name in spec.nodes}
    for name, node in spec.nodes.items():
        for upstream in node.after:
            dependents[upstream].append(name)
    slot = clock.slot or clock.started_at
    try:
        opened = {
            name: gate_time(node.not_before, slot, clock.timezone)
            for name, node in spec.nodes.items()
            if node.not_before is not None
        }
        deadlines = {
            name: gate_time(node.deadline, slot, clock.timezone)
            for name, node in spec.nodes.items()
            if node.deadline is not None
        }
    except ValueError as error:
        raise PlanError(str(error)) from error
    return Plan(
        nodes=spec.nodes,
        order=_order(upstreams),
        handles={name: tuple(subjects) for name, subjects in handles.items()},
        waits_for={name: frozenset(names) for name, names in upstreams.items()},
        dependents={name: tuple(names) for name, names in dependents.items()},
        not_before=opened,
        deadlines={name: at for name, at in deadlines.items() if _binds(at, clock)},
        deadline=clock.deadline,
    )


def _binds(deadline: datetime, clock: Clock) -> bool:
    # Whoever runs a slot again, or fills it in, after its deadline means it all the same.
    return clock.trigger is Trigger.SCHEDULE or deadline > clock.started_at


def _handles(spec: PipelineSpec) -> dict[str, list[str]]:
    handles: dict[str, list[str]] = {}
    for name, node in spec.nodes.items():
        if node.on_failure.run is not None:
            handles.setdefault(node.on_failure.run, []).append(name)
    for handler, subjects in handles.items():
        if handler not in spec.nodes:
            raise PlanError(f"node '{subjects[0]}': on_failure.run names no node '{handler}'")
    return handles


def _all_known(upstreams: Mapping[str, tuple[str, ...]]) -> None:
    for name, waited_for in upstreams.items():
        for upstream in waited_for:
            if upstream not in upstreams:
                raise PlanError(f"node '{name}': after names no node '{upstream}'")


def _order(upstreams: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the nodes so that each comes after its upstreams, the first declared first."""
    sorter = TopologicalSorter({name: tuple(dict.fromkeys(ups)) for name, ups in upstreams.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise PlanError(f"nodes wait for one another in a circle: {circle}") from None
    rank = {name: place for place, name in enumerate(upstreams)}
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=rank.__getitem__)
        order.extend(ready)
        sorter.done(*ready)
    return tuple(order)
