"""What a delivery says: its id, whether it counts, the input or event that comes of it. Pure.

The same delivery gives the same id, however often it comes, and the id derives from what is
signed alone: whoever listened in on one cannot make another of it. GitHub signs no id of its own,
so there the body stands for it.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from rota.coordination.lineage import Lineage
from rota.hooks.spec import HookSpec, InboundSpec, Scheme, TopicHookSpec
from rota.language.conditions import holds
from rota.language.templates import render
from rota.model import digest_of

SCOPE = ("body", "headers", "hook")
"""What filters and templates see."""
HOOK_KEYS = ("event", "id")
"""What `hook` holds."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.:=@+-]{1,200}")
_CREDENTIALS = frozenset(
    (
        *("authorization", "proxy-authorization", "cookie", "webhook-signature"),
        *("x-hub-signature", "x-hub-signature-256", "x-slack-signature"),
    )
)
"""Headers that open something: templates do not see them."""


def delivery_id(scheme: Scheme, headers: Mapping[str, str], body: bytes, document: Any) -> str:
    """Return what tells this delivery from all others, fit to stand in a workflow id."""
    if scheme is Scheme.STANDARD:
        return _fitting(headers["webhook-id"])
    if scheme is Scheme.SLACK and (id := _text(document, "event_id")):
        return _fitting(id)
    return digest_of(body)[:32]


def challenge_in(scheme: Scheme, document: Any) -> str | None:
    """Return what Slack wants to hear back when an address is entered; None if it does not."""
    if scheme is not Scheme.SLACK or _text(document, "type") != "url_verification":
        return None
    return _text(document, "challenge")


def is_ping(scheme: Scheme, headers: Mapping[str, str], document: Any) -> bool:
    """Return whether GitHub only tries out an address that was entered."""
    if scheme is not Scheme.GITHUB or headers.get("x-github-event") != "ping":
        return False
    # The header is not signed: nobody must be able to make a ping of a delivery.
    return bool(_text(document, "zen"))


def hook_scope(
    scheme: Scheme, headers: Mapping[str, str], document: Any, id: str
) -> dict[str, Any]:
    """Return what filters and templates see of a delivery."""
    shown = {name: value for name, value in headers.items() if name not in _CREDENTIALS}
    event = headers.get("x-github-event", "") if scheme is Scheme.GITHUB else ""
    hook = {"id": id, "event": event or _event_in(document)}
    return {"body": document, "headers": shown, "hook": hook}


def is_wanted(spec: InboundSpec, scope: Mapping[str, Any]) -> bool:
    """Return whether the filter lets the delivery through."""
    return spec.filter is None or holds(spec.filter, scope)


def hook_input(spec: HookSpec, scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of the run that the delivery starts.

    Raises:
        TemplateError: the delivery lacks what a template names.
    """
    if spec.input is None:
        return {"hook": {**scope["hook"], "body": scope["body"]}}
    rendered: dict[str, Any] = render(spec.input, scope)
    return rendered


def hook_payload(spec: TopicHookSpec, scope: Mapping[str, Any]) -> Any:
    """Return the payload of the event that the delivery becomes.

    Raises:
        TemplateError: the delivery lacks what a template names.
    """
    return scope["body"] if spec.payload is None else render(spec.payload, scope)


def hook_lineage(spec: HookSpec, name: str, run_id: str, id: str) -> Lineage:
    """Return where the run of a delivery comes from."""
    return Lineage(
        root=run_id, parent=f"hook:{name}", occasion=f"hook:{id}", tainted=not spec.trusted
    )


def _event_in(document: Any) -> str:
    """`type` as Standard Webhooks has it; of Slack's events the one within."""
    inner = cast("dict[str, Any]", document).get("event") if isinstance(document, dict) else None
    return _text(inner, "type") or _text(document, "type")


def _text(document: Any, key: str) -> str:
    if not isinstance(document, dict):
        return ""
    value = cast("dict[str, Any]", document).get(key)
    return value if isinstance(value, str) else ""


def _fitting(id: str) -> str:
    """`id`, or a digest of one that is long or odd; `~` is in no id of the first kind."""
    return id if _PLAIN_ID.fullmatch(id) else f"~{digest_of(id.encode())[:32]}"
