"""`slack.post`: a message to a channel, by a bot or by a webhook.

A bot's message carries metadata derived from the call's key; the channel's history is
looked through for it before anything is posted, and once more afterwards: where two
attempts worked at the same time, the later message is deleted. What remains: who saw it in
between; and a message is looked for among the newest few hundred of its channel only.

A webhook has no history that could be asked. Posting by one is a `write`: never repeated
when nobody knows whether it arrived.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from activities.providers.http_failures import retry_after
from activities.providers.json_api import ApiAnswer, JsonApi
from activities.providers.json_fields import field, optional_field
from activities.providers.keys import read_key
from activities.providers.markers import marker_of
from rota.failures import FailureCategory, StepError
from rota.tools import Effect, Reconciled, ToolContext, ToolError, tool

EVENT_TYPE = "rota_message"
PAGE = 100
PAGES = 3
"""Of the channel's newest messages that are looked through."""
_VENDOR = "Slack"

_CATEGORIES = {
    "ratelimited": FailureCategory.RATE_LIMITED,
    "rate_limited": FailureCategory.RATE_LIMITED,
    "internal_error": FailureCategory.TRANSIENT,
    "fatal_error": FailureCategory.TRANSIENT,
    "service_unavailable": FailureCategory.OVERLOADED,
    "request_timeout": FailureCategory.TIMEOUT,
    **dict.fromkeys(
        (
            "access_denied",
            "account_inactive",
            "invalid_auth",
            "missing_scope",
            "no_permission",
            "not_allowed_token_type",
            "not_authed",
            "token_expired",
            "token_revoked",
        ),
        FailureCategory.AUTH,
    ),
}
"""What Slack says with `ok: false`. Anything else is about the message: for the model."""

ChannelId = Annotated[
    str,
    Field(
        pattern=r"^[CGD][A-Z0-9]{5,20}$",
        description="Id of the channel (channel details in Slack show it), such as C0123ABCD.",
    ),
]
Text = Annotated[str, Field(min_length=1, max_length=40_000, description="Slack's mrkdwn.")]


async def _look(context: ToolContext, channel: str) -> Reconciled:
    """Find the call's message; one beyond the newest few hundred cannot be told from none."""
    async with _bot(context) as api:
        found = await _marked(api, channel, marker_of(context.idempotency_key))
    if found is None:
        return Reconciled(None)
    return Reconciled(True, {"channel": channel, "ts": found, "existed": True})


@tool(
    name="slack.post",
    effect=Effect.IDEMPOTENT,
    timeout="5m",
    connection="slack",
    outward=True,
    reconcile=_look,
)
async def post(context: ToolContext, channel: ChannelId, text: Text) -> dict[str, Any]:
    """Post a message to a Slack channel. Repeating the same call posts no second one.

    Returns the message's timestamp, and whether it was there already.
    """
    marker = marker_of(context.idempotency_key)
    async with _bot(context) as api:
        found = await _marked(api, channel, marker)
        if found is not None:
            return {"channel": channel, "ts": found, "existed": True}
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": marker}}
        message = {"channel": channel, "text": text, "metadata": metadata}
        answer = await _call(api, "POST", "/chat.postMessage", body=message)
        made = field(answer, "ts", str, _VENDOR)
        first = await _marked(api, channel, marker)
        if first is None or _order(first) >= _order(made):
            return {"channel": channel, "ts": made, "existed": False}
        await _call(api, "POST", "/chat.delete", body={"channel": channel, "ts": made})
        return {"channel": channel, "ts": first, "existed": True}


@tool(name="slack.post", effect=Effect.WRITE, timeout="5m", connection="slack", outward=True)
async def post_by_webhook(context: ToolContext, text: Text) -> dict[str, Any]:
    """Post a message to this fleet's Slack channel. It is sent once only."""
    connection = context.connections.slack
    assert connection is not None
    assert connection.webhook is not None
    url = read_key(context.secrets, connection.webhook, "slack.webhook")
    api = JsonApi(
        _VENDOR, url, headers={}, timeout=connection.timeout, secrets=[url], told=(400, 410)
    )
    async with api:
        answer = await api.call("POST", "", body={"text": text}, accept="*/*")
    if answer.text.strip() != "ok":
        raise ToolError(f"{_VENDOR} did not take the message: {answer.text[:200]}")
    return {"posted": True}


async def probe(context: ToolContext) -> str:
    """Ask whose token it is, which changes nothing; returns what was found.

    A webhook cannot be asked without posting to it: it is only looked whether it is set.

    Raises:
        StepError, ToolError: the tool would not get in either.
    """
    connection = context.connections.slack
    assert connection is not None
    if connection.webhook is not None:
        read_key(context.secrets, connection.webhook, "slack.webhook")
        return f"{connection.webhook} is set; only a message would tell whether Slack takes it"
    async with _bot(context) as api:
        answer = await _call(api, "POST", "/auth.test")
    user, team = (field(answer, key, str, _VENDOR) for key in ("user", "team"))
    return f"takes the token of {user} in {team}"


async def _marked(api: JsonApi, channel: str, marker: str) -> str | None:
    """Return the timestamp of the oldest message with the marker, or None."""
    asked = {"channel": channel, "limit": str(PAGE), "include_all_metadata": "true"}
    found: list[str] = []
    for _ in range(PAGES):
        answer = await _call(api, "GET", "/conversations.history", params=asked)
        for message in field(answer, "messages", list, _VENDOR):
            kind = optional_field(message, "metadata.event_type", str, _VENDOR)
            key = optional_field(message, "metadata.event_payload.key", str, _VENDOR)
            if (kind, key) == (EVENT_TYPE, marker):
                found.append(field(message, "ts", str, _VENDOR))
        cursor = optional_field(answer, "response_metadata.next_cursor", str, _VENDOR)
        if not cursor:
            break
        asked["cursor"] = cursor
    return min(found, key=_order, default=None)


def _order(ts: str) -> tuple[int, int]:
    """Seconds and count of a timestamp such as `1732345678.000200`."""
    seconds, _, count = ts.partition(".")
    try:
        return int(seconds), int(count or "0")
    except ValueError:
        raise StepError(
            FailureCategory.OUTCOME_INVALID, f"{_VENDOR}'s answer has no usable ts"
        ) from None


async def _call(
    api: JsonApi,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: Any = None,
) -> dict[str, Any]:
    """Call a method of the Web API, which tells of most failures with status 200.

    Raises:
        ToolError: something about the message or the channel, for the model.
        StepError: anything else.
    """
    answer: ApiAnswer = await api.call(method, path, params=params, body=body)
    data = answer.data
    if field(data, "ok", bool, _VENDOR):
        return data
    problem = field(data, "error", str, _VENDOR)
    category = _CATEGORIES.get(problem)
    if category is None:
        raise ToolError(f"{_VENDOR} refused {path[1:]}: {problem}")
    needed = optional_field(data, "needed", str, _VENDOR)
    cure = f"; the token needs {needed}" if needed else "; check slack.token in fleet.yaml"
    words = f"{_VENDOR} refused {path[1:]}: {problem}"
    raise StepError(
        category,
        words if category.retryable else f"{words}{cure}",
        retry_after=retry_after(answer.headers),
        maybe_billed=category in (FailureCategory.TRANSIENT, FailureCategory.TIMEOUT),
    )


def _bot(context: ToolContext) -> JsonApi:
    connection = context.connections.slack
    assert connection is not None
    assert connection.token is not None
    token = read_key(context.secrets, connection.token, "slack.token")
    return JsonApi(
        _VENDOR,
        connection.base_url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=connection.timeout,
        secrets=[token],
        told=(),
    )
