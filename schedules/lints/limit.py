"""Limits that limit nothing: they name no tool of the agent's. Pure."""

from collections.abc import Iterator

from rota.agent_spec import AgentSpec
from rota.approvals.spec import matches
from schedules.explain import suggest
from schedules.remarks import Remark


def limit_remarks(spec: AgentSpec) -> Iterator[Remark]:
    """Yield a warning for each key of `limits.tools` under which no call can fall."""
    for key in spec.limits.tools:
        if not any(matches(key, tool) for tool in spec.tools):
            message = f"the agent has no tool '{key}'; {suggest(key, spec.tools)}"
            yield Remark("warning", ("limits", "tools", key), message)
