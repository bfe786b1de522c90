"""Every tool that comes with Rota, as a fleet's connections make them."""

import asyncio
from collections.abc import Awaitable, Callable

from activities.tools import email, github, jira, slack, sql
from activities.tools.builtin import BUILTIN_TOOLS
from activities.tools.email import send
from activities.tools.files import read_file
from activities.tools.github import comment, create_issue, get_pull
from activities.tools.http import http_get_tool
from activities.tools.jira import create_issue as create_jira_issue
from activities.tools.slack import post, post_by_webhook
from activities.tools.sql import query
from rota.connections import Connections
from rota.tools import ToolContext, ToolDefinition

ConnectionProbe = Callable[[ToolContext], Awaitable[str]]
"""Looks at a connection without changing anything, and says what it found; raises what a
tool's call would."""


def builtin_tools(connections: Connections) -> dict[str, ToolDefinition]:
    """Return the built-in tools by name.

    All of them, whatever the fleet declares: an agent that lists one without its connection
    is told what is missing, not that there is no such tool.
    """
    # One name, two promises: what a webhook posted cannot be found again.
    by_webhook = connections.slack is not None and connections.slack.webhook is not None
    tools = (
        comment,
        create_issue,
        create_jira_issue,
        get_pull,
        http_get_tool(),
        post_by_webhook if by_webhook else post,
        query,
        read_file,
        send,
    )
    return {**BUILTIN_TOOLS, **{tool.name: tool for tool in tools}}


def connection_probes(
    connections: Connections, keys: tuple[str, ...]
) -> dict[str, ConnectionProbe]:
    """Return how to look at each declared connection among `keys`, by its place.

    One for each database (`databases.shop`). What cannot be looked at (`egress`) is left out.
    """
    single: dict[str, ConnectionProbe] = {
        "github": github.probe,
        "jira": jira.probe,
        "slack": slack.probe,
        "email": lambda context: asyncio.to_thread(email.probe, context),
    }
    found = {key: single[key] for key in keys if key in single and connections.declares(key)}
    if "databases" in keys:
        found |= {f"databases.{name}": _database_probe(name) for name in connections.databases}
    return found


def _database_probe(name: str) -> ConnectionProbe:
    return lambda context: asyncio.to_thread(sql.probe, context, name)
