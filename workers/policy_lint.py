"""The rule of two: private data, others' words and a way out do not meet without a person.

No I/O. An agent that has all three can be told by what it reads to hand out what it knows, and
no prompt keeps it from that. Two of them are harmless, or harm nobody else; with all three,
somebody looks at what goes out, or at least has decided that nobody has to.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.approval_spec import rule_for
from rota.mcp import mcp_name
from schedules.remarks import Remark


@dataclass(frozen=True)
class _Traits:
    private: bool
    untrusted: bool
    outward: bool


def policy_remarks(spec: AgentSpec, toolbox: Toolbox) -> Iterator[Remark]:
    """Yield a warning if the agent's tools cover all three, and one goes out unasked.

    Of MCP servers nobody is asked: their tools count as open to the world unless `fleet.yaml`
    says otherwise. Other agents among the tools count by their own declarations.
    """
    traits = {name: found for name in spec.tools if (found := _traits(name, toolbox))}
    private = [name for name, has in traits.items() if has.private]
    untrusted = [name for name, has in traits.items() if has.untrusted]
    unasked = [
        name
        for name, has in traits.items()
        if has.outward and rule_for(spec.approvals, name) is None
    ]
    if not (private and untrusted and unasked):
        return
    rules = ", ".join(f"{_key(name)}: always" for name in unasked)
    goes = "goes" if len(unasked) == 1 else "go"
    message = (
        f"it reads what is private ({', '.join(private)}) and what others wrote "
        f"({', '.join(untrusted)}), and {', '.join(unasked)} {goes} out with nobody asked: what "
        f"it reads may make it send what it knows; write approvals: {{{rules}}}, or never where "
        "that is meant"
    )
    yield Remark("warning", ("tools", spec.tools.index(unasked[0])), message)


def _traits(name: str, toolbox: Toolbox) -> _Traits | None:
    tool = toolbox.get(name, (name,))
    if tool is not None:
        return _Traits(tool.private, tool.untrusted, tool.outward)
    parts = mcp_name(name)
    server = toolbox.connections.mcp.get(parts.server) if parts else None
    if server is None:
        return None
    return _Traits(bool(server.private), server.untrusted is not False, server.outward is not False)


def _key(name: str) -> str:
    """The name as a key in YAML's short form."""
    return f'"{name}"' if ":" in name or " " in name else name
