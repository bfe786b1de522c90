"""How often the tools of one run may be called: the `limits` of an agent, and what they refuse.

Pure. A call that is refused does not count, nor does one that could not have been made. What a
run has called stands in its transcript, so the answer is the same for every attempt, for every
call of a turn however many run at once, and after continue-as-new.
"""

from collections import Counter
from collections.abc import Iterable

from pydantic import Field

from rota.approvals.spec import ToolPattern, matches
from rota.coordination.spec import LimitsSpec
from rota.model import Declared


class ToolLimit(Declared):
    """A limit of one tool, or of several together."""

    per_run: int = Field(ge=1, le=100_000)
    """Calls in one run."""


class AgentLimits(LimitsSpec):
    """How much of an agent may happen at once, and in one run."""

    tool_calls: int | None = Field(default=None, ge=1, le=100_000)
    """Calls of tools in one run, of all together. None: no limit."""
    tools: dict[ToolPattern, ToolLimit] = Field(default_factory=dict[ToolPattern, ToolLimit])
    """Calls in one run by the tool's name, or the beginning of several and `*`, which share the
    limit. All that name a tool hold."""

    @property
    def limit_calls(self) -> bool:
        """True if any call could be refused."""
        return self.tool_calls is not None or bool(self.tools)


def refusals(limits: AgentLimits, calls: Iterable[str]) -> list[str]:
    """Say of each call of a run, in order, why it is not made; empty if it is.

    Args:
        limits: The agent's.
        calls: Names of the tools, of calls that could be made.
    """
    made = 0
    counts: Counter[str] = Counter()
    said: list[str] = []
    for name in calls:
        keys = [key for key in limits.tools if matches(key, name)]
        text = _refusal(limits, name, made, {key: counts[key] for key in keys})
        said.append(text)
        if not text:
            made += 1
            counts.update(keys)
    return said


def _refusal(limits: AgentLimits, name: str, made: int, counts: dict[str, int]) -> str:
    if limits.tool_calls is not None and made >= limits.tool_calls:
        return _told(name, limits.tool_calls, "of tools", "limits.tool_calls")
    for key, count in counts.items():
        limit = limits.tools[key].per_run
        if count >= limit:
            return _told(name, limit, f"of {key}", f"limits.tools.{key}.per_run")
    return ""


def _told(name: str, limit: int, of: str, key: str) -> str:
    calls = "1 call" if limit == 1 else f"{limit} calls"
    has = f"a run may make {calls} {of} ({key}), and has"
    return f"{name}: not called: {has}; go on without further ones"
