"""What is wrong with templates and conditions over a webhook's delivery. Pure."""

from collections.abc import Iterator, Mapping

from rota.hooks.delivery import HOOK_KEYS, SCOPE
from rota.hooks.spec import HookSpec, TopicHookSpec
from schedules.declaration_errors import format_key
from schedules.fleet import FLEET_FILE
from schedules.lints.template import over_scope
from schedules.remarks import Finding, Remark


def hook_remarks(spec: HookSpec | None) -> Iterator[Remark]:
    """Look at what an agent, or a pipeline, takes from a delivery."""
    if spec is not None:
        yield from over_scope(("hook",), spec.filter, "input", spec.input, _foreign)


def topic_hook_findings(declared: Mapping[str, TopicHookSpec]) -> list[Finding]:
    """Look at what the events of `gateway.events` take from a delivery."""
    return [
        Finding(remark.level, FLEET_FILE, 1, format_key(remark.path), remark.message)
        for event, spec in declared.items()
        for remark in over_scope(
            ("gateway", "events", event), spec.filter, "payload", spec.payload, _foreign
        )
    ]


def _foreign(name: str) -> str | None:
    first, *rest = name.split(".")
    if first not in SCOPE:
        return f"a delivery has {', '.join(SCOPE)}; begin with one of them"
    if first == "hook" and rest and (rest[0] not in HOOK_KEYS or rest[1:]):
        return f"hook has {' and '.join(HOOK_KEYS)}; the rest is in body"
    if first == "headers" and any(part != part.lower() for part in rest):
        return "names of headers are written in lower case"
    return None
