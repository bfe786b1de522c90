"""The rule of two: private data, others' words and a way out do not meet without a person.

No I/O. An agent that has all three can be told by what it reads to hand out what it knows, and
no prompt keeps it from that. Two of them are harmless, or harm nobody else; with all three,
somebody looks at what goes out, or at least has decided that nobody has to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.approvals.spec import ALWAYS, NEVER, ApprovalRule, rule_for
from rota.connections import Connections
from rota.fleet_file import FleetFile
from rota.mcp import mcp_name
from schedules.remarks import Remark


@dataclass(frozen=True)
class _Traits:
    private: bool
    untrusted: bool
    outward: bool
    unsaid: bool = False
    """Nobody has said whether it is private."""


def policy_remarks(spec: AgentSpec, toolbox: Toolbox) -> Iterator[Remark]:
    """Yield a warning if the agent's tools cover all three, and one goes out unasked.

    Of MCP servers nobody is asked: their tools count as open to the world unless `fleet.yaml`
    says otherwise, and it is noted where they may be private. Other agents among the tools
    count by their own declarations. What comes with a webhook that is not `trusted` is others'
    words as well.
    """
    traits = {name: found for name in spec.tools if (found := _traits(name, toolbox))}
    private = [name for name, has in traits.items() if has.private]
    untrusted = [name for name, has in traits.items() if has.untrusted]
    untrusted += _posted(spec, toolbox.connections)
    rules = {name: rule_for(spec.approvals, name) for name, has in traits.items() if has.outward}
    unasked = [name for name, rule in rules.items() if rule is None]
    if not untrusted:
        return
    if private:
        yield from _unasked(spec, private, untrusted, unasked)
        yield from _sometimes(rules)
    elif unasked:
        yield from _unsaid(spec, traits, unasked)


def _posted(spec: AgentSpec, connections: Connections) -> list[str]:
    """What starts it that strangers may have written, by the doors of the gateway."""
    topics = connections.gateway.events if isinstance(connections, FleetFile) else {}
    events = dict.fromkeys(each.event for each in spec.on)
    posted = ["its hook"] if spec.hook is not None and not spec.hook.trusted else []
    foreign = (each for each in events if each in topics and not topics[each].trusted)
    return [*posted, *(f"the event {each}" for each in foreign)]


def _unasked(
    spec: AgentSpec, private: list[str], untrusted: list[str], unasked: list[str]
) -> Iterator[Remark]:
    if not unasked:
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


def _sometimes(rules: Mapping[str, tuple[str, ApprovalRule] | None]) -> Iterator[Remark]:
    """A condition is over arguments that the model writes, whoever has told it what."""
    conditions = {key: rule.when for key, rule in filter(None, rules.values())}
    for key, when in conditions.items():
        if when not in (ALWAYS, NEVER):
            message = (
                f"somebody is asked only where {when}: what it reads may make it send what it "
                "knows in another way; write always unless every other call is harmless"
            )
            yield Remark("note", ("approvals", key), message)


def _unsaid(spec: AgentSpec, traits: Mapping[str, _Traits], unasked: list[str]) -> Iterator[Remark]:
    servers: dict[str, str] = {}
    for name in traits:
        parts = mcp_name(name)
        if parts and traits[name].unsaid:
            servers.setdefault(parts.server, name)
    for server, name in servers.items():
        message = (
            f"if {server} reads what is private, {unasked[0]} may send it away with nobody "
            f"asked: say private: true or false at mcp.{server} in fleet.yaml"
        )
        yield Remark("note", ("tools", spec.tools.index(name)), message)


def _traits(name: str, toolbox: Toolbox) -> _Traits | None:
    tool = toolbox.get(name, (name,))
    if tool is not None:
        return _Traits(tool.private, tool.untrusted, tool.outward)
    parts = mcp_name(name)
    server = toolbox.connections.mcp.get(parts.server) if parts else None
    if server is None:
        return None
    return _Traits(
        private=bool(server.private),
        untrusted=server.untrusted is not False,
        outward=server.outward is not False,
        unsaid=server.private is None,
    )


def _key(name: str) -> str:
    """The name as a key in YAML's short form."""
    return f'"{name}"' if ":" in name or " " in name else name
