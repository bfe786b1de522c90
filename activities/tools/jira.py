"""`jira.create_issue`: one issue of a Jira Cloud project.

Jira takes no idempotency key. The issue carries a label derived from the call's key, which
is searched for before one is made. Jira's search learns of a new issue after a moment,
usually seconds. What remains: an attempt that follows a lost one within that moment, or
works at the same time, makes a second issue. Both then carry the same label, so
`labels = rota-…` finds them; later attempts take the one with the smaller number.
"""

import base64
from typing import Annotated, Any

from pydantic import Field

from activities.providers.json_api import JsonApi
from activities.providers.json_fields import field
from activities.providers.keys import read_key
from activities.providers.markers import marker_of
from rota.tools import Effect, Reconciled, ToolContext, tool

_VENDOR = "Jira"
MAX_TEXT = 30_000
"""Jira takes 32,767 characters."""

ProjectKey = Annotated[
    str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,30}$", description="Key of the project, such as OPS.")
]
Label = Annotated[str, Field(pattern=r"^[^\s]{1,200}$")]


async def _look(context: ToolContext, project: ProjectKey) -> Reconciled:
    """Find the call's issue; one that Jira's search does not know yet cannot be told from none."""
    async with _api(context) as api:
        found = await _labelled(api, project, f"rota-{marker_of(context.idempotency_key)}")
    if found is None:
        return Reconciled(None)
    return Reconciled(True, _issue(context, found, existed=True))


@tool(
    name="jira.create_issue",
    effect=Effect.IDEMPOTENT,
    timeout="5m",
    connection="jira",
    outward=True,
    reconcile=_look,
)
async def create_issue(
    context: ToolContext,
    project: ProjectKey,
    summary: Annotated[str, Field(min_length=1, max_length=250)],
    description: Annotated[str, Field(max_length=MAX_TEXT, description="Plain text.")],
    issue_type: Annotated[str, Field(min_length=1, max_length=60)] = "Task",
    labels: list[Label] = [],  # noqa: B006
) -> dict[str, Any]:
    """Create a Jira issue. Repeating the same call finds the issue instead of making another.

    Returns its key and URL, and whether it was there already.
    """
    label = f"rota-{marker_of(context.idempotency_key)}"
    async with _api(context) as api:
        found = await _labelled(api, project, label)
        if found is not None:
            return _issue(context, found, existed=True)
        fields = {
            "project": {"key": project},
            "issuetype": {"name": issue_type},
            "summary": " ".join(summary.split()),
            "description": _document(description),
            "labels": [*dict.fromkeys([*labels, label])],
        }
        answer = await api.call("POST", "/rest/api/3/issue", body={"fields": fields})
        return _issue(context, field(answer.data, "key", str, _VENDOR), existed=False)


async def probe(context: ToolContext) -> str:
    """Ask whose token it is, which changes nothing; returns what was found.

    Raises:
        StepError, ToolError: the tool would not get in either.
    """
    async with _api(context) as api:
        answer = await api.call("GET", "/rest/api/3/myself")
        return f"takes the token of {field(answer.data, 'displayName', str, _VENDOR)}"


async def _labelled(api: JsonApi, project: str, label: str) -> str | None:
    """Return the key of the oldest issue with the label, or None."""
    query = f'project = "{project}" AND labels = "{label}" ORDER BY created ASC, key ASC'
    asked = {"jql": query, "maxResults": 1, "fields": ["labels"]}
    answer = await api.call("POST", "/rest/api/3/search/jql", body=asked)
    issues = field(answer.data, "issues", list, _VENDOR)
    return field(issues[0], "key", str, _VENDOR) if issues else None


def _issue(context: ToolContext, key: str, *, existed: bool) -> dict[str, Any]:
    connection = context.connections.jira
    assert connection is not None
    return {"key": key, "url": f"{connection.base_url}/browse/{key}", "existed": existed}


def _document(text: str) -> dict[str, Any]:
    """Return plain text in Atlassian's document format: paragraphs, lines kept apart."""
    paragraphs = [part.splitlines() for part in text.split("\n\n") if part.strip()]
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": _lines(lines)} for lines in paragraphs],
    }


def _lines(lines: list[str]) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    for line in filter(None, lines):
        if content:
            content.append({"type": "hardBreak"})
        content.append({"type": "text", "text": line})
    return content


def _api(context: ToolContext) -> JsonApi:
    connection = context.connections.jira
    assert connection is not None
    token = read_key(context.secrets, connection.token, "jira.token")
    login = base64.b64encode(f"{connection.user}:{token}".encode()).decode()
    return JsonApi(
        _VENDOR,
        connection.base_url,
        headers={"Authorization": f"Basic {login}"},
        timeout=connection.timeout,
        secrets=[token, login],
        told=(400, 404),
    )
