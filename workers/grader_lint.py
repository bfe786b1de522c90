"""Graders whose tools do more than read, or of whom nobody can say so.

No I/O. A check is made as often as there are results, of whatever quality: who makes it must
change nothing.
"""

from collections.abc import Iterator

from activities.runtimes.kinds import runtime_kind
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.coordination.handoffs import handoff_of
from rota.mcp import is_mcp
from rota.runtimes.kind import Shape
from rota.tools import Effect
from schedules.fleet import Fleet
from schedules.remarks import Finding, Remark


def grader_tools(fleet: Fleet, toolbox: Toolbox) -> Iterator[Finding]:
    """Yield a finding where a check names an agent that may change something."""
    for agent in fleet.agents.values():
        for check, grader in agent.spec.graders.items():
            found = fleet.agents.get(grader)
            for remark in _remarks(check, found.spec, toolbox) if found else ():
                yield remark.at(agent)


def _remarks(check: str, grader: AgentSpec, toolbox: Toolbox) -> Iterator[Remark]:
    path = ("checks", check, "agent")
    acting = [name for name in grader.tools if _acts(name, toolbox)]
    if acting:
        message = f"'{grader.name}' does not only read ({', '.join(acting)}): take it its tools"
        yield Remark("error", path, f"{message}, or name another agent")
    if grader.emits:
        message = f"'{grader.name}' emits {', '.join(grader.emits)}, which starts others"
        yield Remark("error", path, f"{message}: a grader changes nothing")
    served = [name for name in grader.tools if is_mcp(name)]
    if served:
        message = f"whether {', '.join(served)} only read, their server alone knows"
        yield Remark("warning", path, f"{message}: a grader changes nothing")
    if runtime_kind(grader.runtime.kind).shape is Shape.SESSION:
        message = f"'{grader.runtime.kind}' works by itself, with tools that nobody here knows"
        yield Remark("warning", path, f"{message}: a grader changes nothing")


def _acts(name: str, toolbox: Toolbox) -> bool:
    """True of a tool that is known to do more than read."""
    if handoff_of(name) is not None:
        return True
    tool = toolbox.get(name, (name,))
    return tool is not None and tool.effect is not Effect.READ
