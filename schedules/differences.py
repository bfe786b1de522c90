"""What differs between two declarations, or between a live schedule and the one wanted.

Pure. Values that people cannot take in at a glance (instructions, schemas, scripts) are
shown as their size and a short digest.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from activities.server_schedule import Fields
from rota.agent_spec import AgentSpec
from rota.coordination.spec import SubscriptionSpec
from rota.model import canonical_json, digest_of
from rota.pipelines.spec import NodeSpec, PipelineSpec
from schedules.changes import FieldChange

SHOWN_WHOLE = 200
"""Characters of JSON up to which a value is shown as it is."""

SUBSCRIPTION = "on."
"""What the field of a subscription begins with; its event follows."""
_CALENDARS = "schedule.calendars"
_MERGED = ("schedule.cron", "schedule.calendar")
_BOOKKEEPING = ("action.digest", "action.source", "action.declared")


Spec = AgentSpec | PipelineSpec


def spec_fields(spec: Spec) -> Fields:
    """Return a declaration as dotted names; subscriptions by their events."""
    fields = flatten(spec.document)
    del fields["on"]
    return fields | {
        f"{SUBSCRIPTION}{subscription.event}": subscription_text(subscription)
        for subscription in spec.on
    }


def subscription_text(subscription: SubscriptionSpec) -> Any:
    """Return what a subscription says beyond its event."""
    said = subscription.model_dump(mode="json", exclude={"event"}, exclude_none=True)
    return said or "every event"


def flatten(document: Mapping[str, Any], prefix: str = "") -> Fields:
    """Return a document as dotted names; lists are values of their own."""
    fields: Fields = {}
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            fields |= flatten(cast("dict[str, Any]", value), f"{name}.")
        else:
            fields[name] = value
    return fields


def field_changes(before: Fields, after: Fields) -> list[FieldChange]:
    """Return what differs, in the order of `after`, then what only `before` has."""
    names = [*after, *(name for name in before if name not in after)]
    return [
        FieldChange(field=name, before=shown(before.get(name)), after=shown(after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]


def declared_fields(spec: Spec) -> list[FieldChange]:
    """Return what a new agent or pipeline declares beyond the defaults."""
    usual = spec_fields(_bare(spec))
    fields = spec_fields(spec)
    always = (
        {"runtime.kind"}
        if isinstance(spec, AgentSpec)
        else {f"nodes.{name}.agent" for name in spec.nodes}
    )
    said = {n: v for n, v in fields.items() if v != usual.get(n) or n in always}
    return field_changes({}, said)


def _bare(spec: Spec) -> Spec:
    """Return the shortest declaration of that name and kind."""
    if isinstance(spec, AgentSpec):
        return AgentSpec.model_validate({"name": spec.name, "runtime": {"kind": spec.runtime.kind}})
    nodes = {name: NodeSpec(agent=node.agent) for name, node in spec.nodes.items()}
    return PipelineSpec(name=spec.name, nodes=nodes)


def spec_changes(before: Spec | None, after: Spec, digest: str) -> list[FieldChange]:
    """Return what changes from the declaration in force, whose digest is `digest`.

    Without the earlier declaration at hand only the digests can be told apart.
    """
    if digest == after.digest:
        return []
    changes = field_changes(spec_fields(before), spec_fields(after)) if before else []
    return [
        *changes,
        FieldChange(field="digest", before=digest[:12] or None, after=after.digest[:12]),
    ]


def merged(spec: list[FieldChange], live: list[FieldChange]) -> tuple[FieldChange, ...]:
    """Return both lists as one, each field once.

    Where both speak of a field, the live one is what the server will really go from. The
    schedule's own copy of the digest is not worth a line beside the declaration's.
    """
    named = {change.field for change in live}
    if _CALENDARS in named:
        named |= set(_MERGED)
    kept = [change for change in spec if change.field not in named]
    if kept or any(change.field not in _BOOKKEEPING for change in live):
        live = [change for change in live if change.field not in _BOOKKEEPING]
    return (*live, *kept)


def shown(value: Any) -> Any:
    """Return `value` if it is short, else its size and a short digest."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= SHOWN_WHOLE and "\n" not in text:
        return value
    data = text.encode() if isinstance(value, str) else canonical_json(value)
    return f"{len(data):,} bytes, {digest_of(data)[:8]}"
