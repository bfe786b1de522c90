"""Whether the agents and pipelines of a fleet fit together: names, circles, locks, events.

Pure. Each remark stands beside the declaration that it is about.
"""

import difflib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from rota.agent_spec import AgentSpec
from rota.coordination.handoffs import handoff_of
from rota.pipelines.spec import PipelineSpec
from rota.turns.calls import HandoffMode
from schedules.cycles import find_cycles, reachable, shown
from schedules.declared import Declaration
from schedules.explain import suggest
from schedules.fleet import Fleet
from schedules.lints.grader import at_grader
from schedules.remarks import Finding, Remark
from schedules.runtime_queues import queue_remarks

TYPING_ERROR = 0.85
"""Likeness from which on an unknown event is taken for a known one, written wrongly."""
Specs = Mapping[str, AgentSpec | PipelineSpec]


class Placed(NamedTuple):
    """A remark, and the name of the declaration that it is about."""

    name: str
    remark: Remark


def fleet_findings(fleet: Fleet) -> list[Finding]:
    """Return what does not fit together, each finding at its place."""
    declared: Mapping[str, Declaration] = fleet.declarations
    specs = {name: declaration.spec for name, declaration in declared.items()}
    agents = {name: spec for name, spec in specs.items() if isinstance(spec, AgentSpec)}
    pipelines = {name: spec for name, spec in specs.items() if isinstance(spec, PipelineSpec)}
    placed = [
        *_needed(agents, pipelines),
        *_nodes(agents, pipelines),
        *_need_circles(agents, pipelines),
        *_call_circles(agents),
        *_lock_deadlocks(agents),
        *_events(specs, agents),
        *(Placed(*found) for found in queue_remarks(agents)),
    ]
    return [remark.at(declared[name]) for name, remark in placed]


def _needed(
    agents: Mapping[str, AgentSpec], pipelines: Mapping[str, PipelineSpec]
) -> Iterator[Placed]:
    known = {**agents, **pipelines}
    started = _started_by_others(agents, pipelines)
    for name, spec in agents.items():
        first: dict[str, int] = {}
        for index, need in enumerate(spec.needs):
            path = ("needs", index, "agent")
            upstream = known.get(need.agent)
            if first.setdefault(need.agent, index) != index:
                message = f"'{need.agent}' is needed in needs[{first[need.agent]}] already"
                yield Placed(name, Remark("error", path, f"{message}; join both"))
            elif upstream is None:
                hint = suggest(need.agent, [other for other in known if other != name])
                message = f"no agent '{need.agent}' in this fleet; {hint}"
                yield Placed(name, Remark("error", path, message))
            elif not (upstream.schedule or upstream.on or upstream.hook or need.agent in started):
                message = (
                    f"'{need.agent}' has no schedule, and nothing in this fleet starts it: unless "
                    "somebody does within the window, this need is never met"
                )
                yield Placed(name, Remark("warning", path, message))
            elif need.on_failure.rerun and not upstream.schedule:
                message = (
                    f"'{need.agent}' has no schedule: a run that was given its input by an event, "
                    "a person or another run is not run again, for that input is not kept"
                )
                path = ("needs", index, "on_failure", "rerun")
                yield Placed(name, Remark("warning", path, message))


def _started_by_others(
    agents: Mapping[str, AgentSpec], pipelines: Mapping[str, PipelineSpec]
) -> set[str]:
    nodes = {node.agent for spec in pipelines.values() for node in spec.nodes.values()}
    called = {other for spec in agents.values() for other in _called(spec)}
    return nodes | called | {other for spec in agents.values() for other in spec.graders.values()}


def _nodes(
    agents: Mapping[str, AgentSpec], pipelines: Mapping[str, PipelineSpec]
) -> Iterator[Placed]:
    for name, spec in pipelines.items():
        for node_name, node in spec.nodes.items():
            if node.agent in agents:
                continue
            if node.agent in pipelines:
                message = f"'{node.agent}' is a pipeline; a node runs an agent"
            else:
                message = f"no agent '{node.agent}' in this fleet; {suggest(node.agent, [*agents])}"
            yield Placed(name, Remark("error", ("nodes", node_name, "agent"), message))


def _need_circles(
    agents: Mapping[str, AgentSpec], pipelines: Mapping[str, PipelineSpec]
) -> Iterator[Placed]:
    # A pipeline ends no sooner than its nodes, so it waits for whatever their agents need.
    edges = {name: [need.agent for need in spec.needs] for name, spec in agents.items()}
    edges |= {
        name: [node.agent for node in spec.nodes.values() if node.agent in agents]
        for name, spec in pipelines.items()
    }
    for circle in find_cycles(edges):
        first = next(name for name in circle if name in agents)
        start = circle.index(first)
        turned = [*circle[start:-1], *circle[:start], first]
        index = [need.agent for need in agents[first].needs].index(turned[1])
        message = (
            f"'{first}' needs itself; name another agent"
            if len(circle) == 2
            else f"agents need one another in a circle: {shown(turned)}; remove one need"
        )
        yield Placed(first, Remark("error", ("needs", index, "agent"), message))


def _called(spec: AgentSpec, mode: HandoffMode | None = None) -> list[str]:
    handoffs = [handoff for tool in spec.tools if (handoff := handoff_of(tool))]
    return [handoff.agent for handoff in handoffs if mode in (None, handoff.mode)]


def _call_circles(agents: Mapping[str, AgentSpec]) -> Iterator[Placed]:
    for circle in find_cycles({name: _called(spec) for name, spec in agents.items()}):
        message = (
            f"'{circle[0]}' calls itself; remove it from its own tools"
            if len(circle) == 2
            else f"agents call one another in a circle: {shown(circle)}; remove one from the tools"
        )
        yield Placed(circle[0], _at_tool(agents[circle[0]], circle[1], message))


def _at_tool(spec: AgentSpec, called: str, message: str) -> Remark:
    index = _tool_index(spec, called)
    return Remark("error", ("tools", index), message)


def _tool_index(spec: AgentSpec, called: str) -> int:
    targets = [handoff.agent if (handoff := handoff_of(tool)) else None for tool in spec.tools]
    return targets.index(called)


def _lock_deadlocks(agents: Mapping[str, AgentSpec]) -> Iterator[Placed]:
    """A run holds its locks while it waits for what it calls: neither must want the other's."""
    calls = {
        name: [*_called(spec, HandoffMode.CALL), *spec.graders.values()]
        for name, spec in agents.items()
    }
    for name, spec in agents.items():
        held = {lock.name for lock in spec.locks}
        for called in dict.fromkeys(calls[name]) if held else ():
            for below in (called, *sorted(reachable(called, calls) - {called})):
                if below == name or below not in agents:
                    continue  # errors of their own
                for lock in sorted(held & {lock.name for lock in agents[below].locks}):
                    through = "" if below == called else f" (through '{called}')"
                    message = (
                        f"'{name}' holds the lock '{lock}' while it waits for '{below}'{through}, "
                        "which wants it too; take the lock from one of them, or transfer instead"
                    )
                    grades = called in spec.graders.values()
                    place = at_grader if grades else _at_tool
                    yield Placed(name, place(spec, called, message))


def _events(specs: Specs, agents: Mapping[str, AgentSpec]) -> Iterator[Placed]:
    emitted = sorted({event for spec in specs.values() for event in spec.emits})
    for name, spec in specs.items():
        for index, subscription in enumerate(spec.on):
            if subscription.event in emitted:
                continue
            path = ("on", index, "event")
            message = f"nobody in this fleet emits '{subscription.event}'"
            close = difflib.get_close_matches(subscription.event, emitted, 1, TYPING_ERROR)
            if close:
                remark = Remark("warning", path, f"{message}; did you mean '{close[0]}'?")
            else:
                remark = Remark("note", path, f"{message}: somebody else has to publish it")
            yield Placed(name, remark)
    yield from _event_circles(specs, agents)


def _event_circles(specs: Specs, agents: Mapping[str, AgentSpec]) -> Iterator[Placed]:
    """Runs that start one another for ever, unless a filter or a condition stops them."""
    # Events are points of the graph too, so that the path names them; `!` is in no name.
    edges: dict[str, list[str]] = {}
    for name, spec in specs.items():
        edges.setdefault(name, []).extend(f"!{event}" for event in spec.emits)
        for subscription in spec.on:
            edges.setdefault(f"!{subscription.event}", []).append(name)
        if isinstance(spec, PipelineSpec):
            edges[name].extend(n.agent for n in spec.nodes.values() if n.agent in agents)
        else:
            called = (*_called(spec), *spec.graders.values())
            edges[name].extend(other for other in called if other in agents)
    for circle in find_cycles(edges):
        emitters = [n for n, after in pairwise(circle) if after[0] == "!"]
        if not emitters:
            continue  # calls alone: an error of its own
        start = circle.index(emitters[0])
        turned = [*circle[start:-1], *circle[:start], emitters[0]]
        index = specs[emitters[0]].emits.index(turned[1].removeprefix("!"))
        message = (
            f"its runs start one another: {shown(name.removeprefix('!') for name in turned)}; "
            "make sure that a filter ends this"
        )
        yield Placed(emitters[0], Remark("warning", ("emits", index), message))
