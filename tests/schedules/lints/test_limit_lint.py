"""Limits of calls that name no tool of their agent."""

from tests.schedules.remarks_of import remarks_of


def test_limit_of_a_tool_that_the_agent_has_is_clean() -> None:
    """By its name, by the beginning of several, of agents among the tools as well."""
    tools = ["mail.send", "agents.other"]
    keys = ["mail.send", "mail.*", "*", "agents.*"]
    assert remarks_of(tools=tools, limits={"tools": {key: {"per_run": 1} for key in keys}}) == []


def test_limit_of_another_tool_is_remarked_on_at_its_key() -> None:
    """It would limit nothing; the likely name is suggested."""
    limits = {"tools": {"mail.snd": {"per_run": 1}, "post.*": {"per_run": 2}}}
    assert remarks_of(tools=["mail.send"], limits=limits) == [
        (
            "warning",
            "limits.tools.mail.snd",
            "the agent has no tool 'mail.snd'; did you mean 'mail.send'?",
        ),
        ("warning", "limits.tools.post.*", "the agent has no tool 'post.*'; known: mail.send"),
    ]
