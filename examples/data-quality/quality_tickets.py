"""Files tickets: with the service of the demo, with GitHub or with Jira, as the input says.

Whichever it is, a ticket has a key, and the same key never makes a second one: the same finding
of the next attempt, of a re-run or of another night is the same ticket.
"""

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from typing import Any

from activities.tools import github, jira
from rota.connections import undeclared
from rota.failures import FailureCategory, StepError
from rota.tools import ToolContext

SECONDS = 10
"""Wait for one answer of the service."""


@dataclass(frozen=True)
class Ticket:
    """What is to be filed."""

    key: str
    title: str
    text: str
    labels: tuple[str, ...]


async def file_ticket(ctx: ToolContext, ticket: Ticket) -> dict[str, Any]:
    """File a ticket, or find it; return its id and URL, and whether it existed.

    Raises:
        StepError: the service refuses, or the fleet does not declare it: for a person to mend.
        OSError: it does not answer, or not now; filing again with the same key is safe.
    """
    target = ctx.input.get("tickets") or {}
    # The built-in tools find again what was made under the same key.
    keyed = replace(ctx, idempotency_key=ticket.key)
    if "url" in target:
        return await asyncio.to_thread(_post, ctx, target, ticket)
    labels = list(ticket.labels)
    if "github" in target:
        _need(ctx, "github")
        made = await github.create_issue(
            keyed, repository=target["github"], title=ticket.title, body=ticket.text, labels=labels
        )
        return {"id": f"#{made['number']}", "url": made["url"], "existed": made["existed"]}
    if "jira" in target:
        _need(ctx, "jira")
        made = await jira.create_issue(
            keyed,
            project=target["jira"],
            summary=ticket.title,
            description=ticket.text,
            labels=labels,
        )
        return {"id": made["key"], "url": made["url"], "existed": made["existed"]}
    problem = "input.tickets names no service: give it url, github or jira"
    raise StepError(FailureCategory.TOOL_FAILED, problem)


def _need(ctx: ToolContext, key: str) -> None:
    if not ctx.connections.declares(key):
        raise StepError(FailureCategory.TOOL_FAILED, undeclared("tickets.file", key))


def _post(ctx: ToolContext, target: dict[str, Any], ticket: Ticket) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Idempotency-Key": ticket.key}
    if target.get("token"):
        headers["Authorization"] = f"Bearer {ctx.secrets(target['token'])}"
    body = {"title": ticket.title, "text": ticket.text, "labels": ticket.labels}
    request = urllib.request.Request(
        f"{target['url'].rstrip('/')}/tickets", json.dumps(body).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read(500).decode(errors="replace")
        if error.code >= 500 or error.code == 429:
            raise ConnectionError(f"the ticket service answers {error.code}: {said}") from error
        problem = f"the ticket service refuses: {error.code} {said}"
        raise StepError(FailureCategory.TOOL_FAILED, problem) from error
