"""`github.*`: issues, comments and pull requests.

GitHub takes no idempotency key. So each thing that is made carries a hidden marker derived
from the call's key; it is looked for before anything is made, and once more afterwards:
where two attempts worked at the same time, all but the oldest are taken back (an issue is
closed as a duplicate, a comment is deleted), whichever attempt sees it. What remains: the
people notified of the second; and, if the process that made it ends in that moment, the
second itself until a later attempt of the same call. An issue older than the newest few
hundred is found by GitHub's search, whose index lags behind by seconds to minutes.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from activities.providers.http_failures import retry_after
from activities.providers.json_api import ApiAnswer, JsonApi
from activities.providers.json_fields import field, optional_field
from activities.providers.keys import read_key
from activities.providers.markers import hidden, marker_of, with_marker
from rota.failures import FailureCategory, StepError
from rota.tools import Effect, Reconciled, ToolContext, tool

PAGE = 100
ISSUE_PAGES = 3
"""Newest issues that are looked through; older ones are left to the search."""
COMMENT_PAGES = 50
MAX_DIFF = 200_000
"""Characters of a diff that a model is given."""
MAX_TEXT = 60_000
"""GitHub takes 65,536 characters, the marker among them."""
_VENDOR = "GitHub"

Repository = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{1,40}/\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$",
        description="owner/name",
    ),
]
Number = Annotated[int, Field(ge=1, description="Number of the issue or pull request.")]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, description="Markdown.")]


async def _look_for_issue(context: ToolContext, repository: str) -> Reconciled:
    """Find the call's issue; an old one that the search does not know cannot be told from none."""
    async with _api(context) as api:
        found = await _marked_issue(api, repository, marker_of(context.idempotency_key))
    return Reconciled(None) if found is None else Reconciled(True, _issue(found, existed=True))


async def _look_for_comment(context: ToolContext, repository: str, number: int) -> Reconciled:
    """Find the call's comment."""
    path = f"/repos/{repository}/issues/{number}/comments"
    async with _api(context) as api:
        found = await _marked_comment(api, path, marker_of(context.idempotency_key))
    if found is None:
        return Reconciled(None)
    return Reconciled(True, {"url": field(found, "html_url", str, _VENDOR), "existed": True})


@tool(
    name="github.create_issue",
    effect=Effect.IDEMPOTENT,
    timeout="5m",
    connection="github",
    outward=True,
    reconcile=_look_for_issue,
)
async def create_issue(
    context: ToolContext,
    repository: Repository,
    title: Annotated[str, Field(min_length=1, max_length=250)],
    body: Text,
    labels: list[Annotated[str, Field(min_length=1, max_length=50)]] = [],  # noqa: B006
) -> dict[str, Any]:
    """Create an issue. Repeating the same call finds the issue instead of making another.

    Returns its number and URL, and whether it was there already.
    """
    marker = marker_of(context.idempotency_key)
    async with _api(context) as api:
        found = await _marked_issue(api, repository, marker)
        if found is not None:
            return _issue(found, existed=True)
        text = with_marker(body, marker)
        request = {"title": title, "body": text, "labels": labels}
        answer = await api.call("POST", f"/repos/{repository}/issues", body=request)
        made = field(answer.data, "number", int, _VENDOR)
        first = await _marked_issue(api, repository, marker, listed_only=True)
        if first is None or field(first, "number", int, _VENDOR) >= made:
            return _issue(answer.data, existed=False)
        close = {"state": "closed", "state_reason": "not_planned"}
        await api.call("PATCH", f"/repos/{repository}/issues/{made}", body=close)
        return _issue(first, existed=True)


@tool(
    name="github.comment",
    effect=Effect.IDEMPOTENT,
    timeout="5m",
    connection="github",
    outward=True,
    reconcile=_look_for_comment,
)
async def comment(
    context: ToolContext, repository: Repository, number: Number, body: Text
) -> dict[str, Any]:
    """Comment on an issue or pull request. Repeating the same call makes no second comment.

    Returns the comment's URL, and whether it was there already.
    """
    marker = marker_of(context.idempotency_key)
    path = f"/repos/{repository}/issues/{number}/comments"
    async with _api(context) as api:
        found = await _marked_comment(api, path, marker)
        if found is not None:
            return {"url": field(found, "html_url", str, _VENDOR), "existed": True}
        answer = await api.call("POST", path, body={"body": with_marker(body, marker)})
        made = field(answer.data, "id", int, _VENDOR)
        first = await _marked_comment(api, path, marker)
        if first is None or field(first, "id", int, _VENDOR) >= made:
            return {"url": field(answer.data, "html_url", str, _VENDOR), "existed": False}
        await api.call("DELETE", f"/repos/{repository}/issues/comments/{made}")
        return {"url": field(first, "html_url", str, _VENDOR), "existed": True}


@tool(
    name="github.get_pull",
    effect=Effect.READ,
    timeout="3m",
    connection="github",
    private=True,
    untrusted=True,
)
async def get_pull(context: ToolContext, repository: Repository, number: Number) -> dict[str, Any]:
    """Read a pull request: title, description, state, branches and diff, for a review.

    A long diff is cut; `diff_truncated` says so.
    """
    path = f"/repos/{repository}/pulls/{number}"
    async with _api(context) as api:
        pull = (await api.call("GET", path)).data
        diff = (await api.call("GET", path, accept="application/vnd.github.diff")).text
    return {
        "url": field(pull, "html_url", str, _VENDOR),
        "title": field(pull, "title", str, _VENDOR),
        "body": optional_field(pull, "body", str, _VENDOR) or "",
        "state": field(pull, "state", str, _VENDOR),
        "draft": optional_field(pull, "draft", bool, _VENDOR) or False,
        "author": optional_field(pull, "user.login", str, _VENDOR) or "",
        "base": field(pull, "base.ref", str, _VENDOR),
        "head": field(pull, "head.ref", str, _VENDOR),
        "head_sha": field(pull, "head.sha", str, _VENDOR),
        "diff": diff[:MAX_DIFF],
        "diff_truncated": len(diff) > MAX_DIFF,
    }


async def probe(context: ToolContext) -> str:
    """Ask whose token it is, which changes nothing; returns what was found.

    Raises:
        StepError, ToolError: the tools would not get in either.
    """
    async with _api(context) as api:
        try:
            user = await api.call("GET", "/user")
        except StepError as error:
            if error.category is not FailureCategory.AUTH:
                raise
            # An app's installation is nobody, which is no failure; this is open to all.
            await api.call("GET", "/rate_limit")
            return "takes the token, which is no person's"
        return f"takes the token of {field(user.data, 'login', str, _VENDOR)}"


def _issue(data: Any, *, existed: bool) -> dict[str, Any]:
    return {
        "number": field(data, "number", int, _VENDOR),
        "url": field(data, "html_url", str, _VENDOR),
        "existed": existed,
    }


async def _marked_issue(
    api: JsonApi, repository: str, marker: str, *, listed_only: bool = False
) -> Any:
    """Return the oldest issue that carries the marker, or None.

    The list knows an issue at once and the search knows old ones: together, both.
    """
    path = f"/repos/{repository}/issues"
    params = {"state": "all", "sort": "created", "direction": "desc"}
    # Pull requests are in the list too, and never ours.
    found = [
        item async for item in _pages(api, path, params, ISSUE_PAGES)
        if hidden(marker) in _body(item) and "pull_request" not in item
    ]  # fmt: skip
    if not found and not listed_only:
        query = f'"rota:{marker}" in:body is:issue repo:{repository}'
        answer = await api.call("GET", "/search/issues", params={"q": query})
        items = field(answer.data, "items", list, _VENDOR)
        found = [item for item in items if hidden(marker) in _body(item)]
    return min(found, key=lambda item: field(item, "number", int, _VENDOR), default=None)


async def _marked_comment(api: JsonApi, path: str, marker: str) -> Any:
    """Return the oldest comment that carries the marker, or None: they come oldest first."""
    async for item in _pages(api, path, {}, COMMENT_PAGES):
        if hidden(marker) in _body(item):
            return item
    return None


async def _pages(
    api: JsonApi, path: str, params: dict[str, str], most: int
) -> AsyncIterator[dict[str, Any]]:
    for page in range(1, most + 1):
        asked = {**params, "per_page": str(PAGE), "page": str(page)}
        answer = await api.call("GET", path, params=asked)
        items = _list(answer)
        for item in items:
            yield item
        if len(items) < PAGE:
            return


def _list(answer: ApiAnswer) -> list[dict[str, Any]]:
    items = field({"answer": answer.data}, "answer", list, _VENDOR)
    return [field({"item": item}, "item", dict, _VENDOR) for item in items]


def _body(item: Any) -> str:
    return optional_field(item, "body", str, _VENDOR) or ""


def _api(context: ToolContext) -> JsonApi:
    connection = context.connections.github
    assert connection is not None
    token = read_key(context.secrets, connection.token, "github.token")
    return JsonApi(
        _VENDOR,
        connection.base_url,
        headers={"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"},
        timeout=connection.timeout,
        secrets=[token],
        # A repository that was renamed answers by its new name only.
        told=(301, 307, 308, 404, 410, 422),
        classify=_limits,
    )


def _limits(status: int, headers: Mapping[str, str], message: str) -> StepError | None:
    """GitHub limits by 403 too, and says in a header of its own when to come again."""
    spent = headers.get("x-ratelimit-remaining") == "0"
    limited = spent or "retry-after" in headers or "rate limit" in message.lower()
    if status not in (403, 429) or not limited:
        return None
    wait = retry_after(headers)
    reset = headers.get("x-ratelimit-reset", "")
    if wait is None and spent and reset.isdecimal():
        seconds = int(reset) - datetime.now(UTC).timestamp()
        wait = timedelta(seconds=min(max(seconds, 1.0), 3600.0))
    return StepError(
        FailureCategory.RATE_LIMITED, f"{_VENDOR} answered {status}: {message}", retry_after=wait
    )
