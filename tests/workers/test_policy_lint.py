"""The rule of two: who reads secrets and strangers' words does not speak out unasked."""

from pathlib import Path
from typing import Any

import pytest

from activities.toolbox import Toolbox
from activities.tools.open import builtin_tools
from rota.agent_spec import AgentSpec
from rota.connections import Connections
from rota.fleet_file import FleetFile
from rota.mcp_servers import McpServer
from rota.tools import tool
from workers.policy_lint import policy_remarks

PRIVATE, FOREIGN, OUT = "files.read", "http.get", "email.send"


@tool(name="plain.do")
def plain() -> None:
    """Touch nothing."""


def remarks(
    tools: list[str], approvals: dict[str, Any], level: str = "warning", **server: Any
) -> list[str]:
    """What is said at a level, with the line's tool or rule in front."""
    connections = Connections(mcp={"crm": McpServer(command=("crm",), **server)})
    known = {**builtin_tools(connections), plain.name: plain}
    spec = AgentSpec.model_validate(
        {"name": "x", "runtime": {"kind": "scripted"}, "tools": tools, "approvals": approvals}
    )
    found = list(policy_remarks(spec, Toolbox(Path(), known, connections)))
    return [
        f"{tools[at] if isinstance(at := remark.path[1], int) else at}: {remark.message}"
        for remark in found
        if remark.level == level
    ]


@pytest.mark.parametrize(
    ("tools", "approvals"),
    [
        ([PRIVATE, FOREIGN], {}),
        ([PRIVATE, OUT], {}),
        ([FOREIGN, OUT], {}),
        (["sql.query", "plain.do", "agents.writer"], {}),
        ([PRIVATE, FOREIGN, OUT], {OUT: "always"}),
        ([PRIVATE, FOREIGN, OUT], {"email.*": {"when": "args.subject == 'x'"}}),
        ([PRIVATE, FOREIGN, OUT], {OUT: "never"}),
        (["memory.update", "plain.do"], {}),
    ],
)
def test_policy_remarks_on_two_of_three_or_a_rule_are_none(
    tools: list[str], approvals: dict[str, Any]
) -> None:
    """Two are no danger to others, and with a rule somebody has thought of it."""
    assert remarks(tools, approvals) == []


def test_policy_remarks_name_the_tools_and_what_to_write() -> None:
    """At the line of the first tool that goes out; only those without a rule are named."""
    tools = [PRIVATE, FOREIGN, "slack.post", OUT, "github.comment"]
    (said,) = remarks(tools, {"slack.*": "always"})
    assert said == (
        "email.send: it reads what is private (files.read) and what others wrote (http.get), and "
        "email.send, github.comment go out with nobody asked: what it reads may make it send what "
        "it knows; write approvals: {email.send: always, github.comment: always}, or never where "
        "that is meant"
    )


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ({"hook": {"secrets": ["env:S"]}}, "its hook"),
        ({"hook": {"secrets": ["env:S"], "trusted": True}}, None),
        ({"on": [{"event": "orders.created"}]}, "the event orders.created"),
        ({"on": [{"event": "orders.paid"}]}, None),
        ({"on": [{"event": "report.done"}]}, None),
    ],
)
def test_policy_remarks_count_what_strangers_post(
    starts: dict[str, Any], words: str | None
) -> None:
    """A delivery of the gateway's doors is others' words, unless its door is `trusted`."""
    door = {"secrets": ["env:S"]}
    events = {"orders.created": door, "orders.paid": {**door, "trusted": True}}
    fleet = FleetFile.model_validate({"name": "x", "gateway": {"events": events}})
    tools = [PRIVATE, OUT]
    spec = AgentSpec.model_validate(
        {"name": "x", "runtime": {"kind": "scripted"}, "tools": tools, **starts}
    )
    toolbox = Toolbox(Path(), builtin_tools(fleet), fleet)
    said = [each.message for each in policy_remarks(spec, toolbox)]
    assert bool(said) is (words is not None)
    assert not said or f"what others wrote ({words}), and {OUT} goes out" in said[0]


@pytest.mark.parametrize(
    ("server", "warned"),
    [
        ({}, False),
        ({"private": True}, True),
        ({"private": True, "outward": False}, False),
        ({"private": True, "untrusted": False}, False),
    ],
)
def test_policy_remarks_take_a_server_for_open_unless_the_fleet_says_otherwise(
    server: dict[str, Any], warned: bool
) -> None:
    """Nobody asks it at validation; one declaration counts for all its tools."""
    said = remarks(["mcp:crm/find"], {}, **server)
    assert bool(said) is warned
    assert not said or '{"mcp:crm/find": always}' in said[0]


@pytest.mark.parametrize(
    ("tools", "noted"), [([PRIVATE, FOREIGN, OUT], True), ([PRIVATE, OUT], False)]
)
def test_policy_remarks_note_a_rule_that_asks_only_sometimes(tools: list[str], noted: bool) -> None:
    """Its condition is over what the model writes; where two of three meet, that is enough."""
    said = remarks(tools, {"email.*": {"when": "args.subject == 'x'"}}, "note")
    assert bool(said) is noted
    assert not said or said[0].startswith("email.*: somebody is asked only where args.subject")
    assert remarks(tools, {OUT: "always"}, "note") == []
    assert remarks(tools, {OUT: "never"}, "note") == []


@pytest.mark.parametrize(
    ("server", "noted"),
    [
        ({}, True),
        ({"private": False}, False),
        ({"private": True}, False),
        ({"outward": False}, False),
    ],
)
def test_policy_remarks_note_a_server_of_which_nobody_said_whether_it_is_private(
    server: dict[str, Any], noted: bool
) -> None:
    """Once for each server; where it goes out unasked, its answer decides."""
    said = remarks(["mcp:crm/find", "mcp:crm/send"], {}, "note", **server)
    assert len(said) == noted
    assert not said or said[0].endswith("say private: true or false at mcp.crm in fleet.yaml")
