"""What is wrong with templates and conditions over a webhook's delivery. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from rota.conditions import condition_paths
from rota.hook_delivery import HOOK_KEYS, SCOPE
from rota.hook_spec import HookSpec, InboundSpec, TopicHookSpec
from rota.template import TemplateError, paths
from schedules.declaration_errors import KeyPath, format_key
from schedules.fleet import FLEET_FILE
from schedules.remarks import Finding, Remark
from schedules.template_lint import leaves


def hook_remarks(spec: HookSpec | None) -> Iterator[Remark]:
    """Look at what an agent, or a pipeline, takes from a delivery."""
    if spec is not None:
        yield from _remarks(spec, ("hook",), "input", spec.input)


def topic_hook_findings(declared: Mapping[str, TopicHookSpec]) -> list[Finding]:
    """Look at what the events of `gateway.events` take from a delivery."""
    return [
        Finding(remark.level, FLEET_FILE, 1, format_key(remark.path), remark.message)
        for event, spec in declared.items()
        for remark in _remarks(spec, ("gateway", "events", event), "payload", spec.payload)
    ]


def _remarks(spec: InboundSpec, at: KeyPath, key: str, template: object) -> Iterator[Remark]:
    if spec.filter is not None:
        yield from _foreign(condition_paths(spec.filter), (*at, "filter"))
    for path, text in leaves(template, (*at, key)):
        try:
            yield from _foreign(paths(text), path, braces=True)
        except TemplateError as error:
            yield Remark("error", path, str(error))


def _foreign(named: Iterable[str], path: KeyPath, *, braces: bool = False) -> Iterator[Remark]:
    for name in sorted(named):
        shown = f"{{{name}}}" if braces else name
        first, *rest = name.split(".")
        if first not in SCOPE:
            message = f"{shown}: a delivery has {', '.join(SCOPE)}; begin with one of them"
            yield Remark("error", path, message)
        elif first == "hook" and rest and (rest[0] not in HOOK_KEYS or rest[1:]):
            message = f"{shown}: hook has {' and '.join(HOOK_KEYS)}; the rest is in body"
            yield Remark("error", path, message)
        elif first == "headers" and any(part != part.lower() for part in rest):
            message = f"{shown}: names of headers are written in lower case"
            yield Remark("error", path, message)
