"""Agents that grade the results of others: whether they can, and judge nobody who judges them.

Pure. What their tools do only a worker knows: `workers.grader_lint`.
"""

from collections.abc import Iterator

from rota.agent_spec import AgentSpec, SessionConcurrency
from rota.checks.grading import unfit
from schedules.cycles import find_cycles, shown
from schedules.explain import suggest
from schedules.fleet import Fleet
from schedules.remarks import Finding, Remark


def grader_findings(fleet: Fleet) -> list[Finding]:
    """Return what is wrong with the graders that a fleet's checks name."""
    agents = {name: agent.spec for name, agent in fleet.agents.items()}
    found = [
        remark.at(agent)
        for agent in fleet.agents.values()
        for remark in _remarks(agent.spec, agents, fleet)
    ]
    for circle in find_cycles({name: spec.graders.values() for name, spec in agents.items()}):
        message = (
            f"'{circle[0]}' grades itself; name another agent"
            if len(circle) == 2
            else f"agents grade one another in a circle: {shown(circle)}; remove one check"
        )
        found.append(at_grader(agents[circle[0]], circle[1], message).at(fleet.agents[circle[0]]))
    return found


def at_grader(spec: AgentSpec, grader: str, message: str) -> Remark:
    """An error where a check names that agent."""
    check = next(name for name, agent in spec.graders.items() if agent == grader)
    return Remark("error", ("checks", check, "agent"), message)


def _remarks(spec: AgentSpec, agents: dict[str, AgentSpec], fleet: Fleet) -> Iterator[Remark]:
    for check, grader in spec.graders.items():
        path = ("checks", check, "agent")
        if grader in fleet.pipelines:
            yield Remark("error", path, f"'{grader}' is a pipeline; only an agent grades")
        elif grader not in agents:
            hint = suggest(grader, [name for name in agents if name != spec.name])
            yield Remark("error", path, f"no agent '{grader}' in this fleet; {hint}")
        elif problem := unfit(agents[grader], spec.checks[check]) or _skips(agents[grader]):
            yield Remark("error", path, f"'{grader}' cannot grade: {problem}")


def _skips(grader: AgentSpec) -> str:
    """Why it would leave results unjudged that are each to be judged; empty if it would not."""
    if grader.session.concurrency is SessionConcurrency.SKIP:
        return "session.concurrency: skip leaves out results while it judges another; say queue"
    if grader.dedupe is not None:
        return "dedupe leaves out results whose key it has judged already; remove it"
    return ""
