"""What is wrong with templates and conditions over a run's input, or over an event.

Pure. That they can be read at all is the models' business; here it is whether what they
name can be there.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

from rota.agent_spec import AgentSpec
from rota.coordination.spec import SubscriptionSpec
from rota.language.conditions import condition_paths
from rota.language.templates import TemplateError, paths, render, required_paths
from schedules.declaration_errors import KeyPath
from schedules.remarks import Remark

EVENT_KEYS = ("at", "id", "name")
"""What `event` holds; the rest of what was published is `payload`."""


def leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield every text inside `value`, with its key."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from leaves(inner, (*path, index))


def input_templates(spec: AgentSpec) -> Iterator[Remark]:
    """Look at the keys that are made from a run's input: session, dedupe, fairness."""
    yield from _key(spec, ("session", "key"), "session", spec.session.key)
    if spec.dedupe is not None:
        yield from _key(spec, ("dedupe", "key"), "dedupe", spec.dedupe.key)
        yield from _constant(spec.dedupe.key)
    if spec.fairness is not None:
        yield from _key(spec, ("fairness", "key"), "fairness", spec.fairness.key)


def subscriptions(on: tuple[SubscriptionSpec, ...]) -> Iterator[Remark]:
    """Look at the events that start a run: each once, over the event alone."""
    first: dict[str, int] = {}
    for index, subscription in enumerate(on):
        earlier = first.setdefault(subscription.event, index)
        if earlier != index:
            yield Remark(
                "error",
                ("on", index, "event"),
                f"'{subscription.event}' is subscribed to in on[{earlier}] already; join both, "
                "for example with 'or' in the filter",
            )
        at = ("on", index)
        yield from over_scope(at, subscription.filter, "input", subscription.input, _foreign)


def over_scope(
    at: KeyPath,
    filter: str | None,
    key: str,
    template: object,
    foreign: Callable[[str], str | None],
) -> Iterator[Remark]:
    """Look at what a filter and a template take from that by which a run is started.

    Args:
        at: Where both are declared.
        filter: A condition, as its key `filter` has it.
        key: Of the template.
        template: Text, or anything that holds some.
        foreign: Says of a path what is wrong with it; None if there is such a thing.
    """
    if filter is not None:
        for name in sorted(condition_paths(filter)):
            if problem := foreign(name):
                yield Remark("error", (*at, "filter"), f"{name}: {problem}")
    for path, text in leaves(template, (*at, key)):
        try:
            named = sorted(paths(text))
        except TemplateError as error:
            yield Remark("error", path, str(error))
            continue
        for name in named:
            if problem := foreign(name):
                yield Remark("error", path, f"{{{name}}}: {problem}")


def _foreign(name: str) -> str | None:
    first, *rest = name.split(".")
    if first not in ("event", "payload"):
        return "an event has only payload and event; begin with one of them"
    if first == "event" and rest and (rest[0] not in EVENT_KEYS or rest[1:]):
        return f"event has {', '.join(EVENT_KEYS)}; the rest is in payload"
    return None


def _key(spec: AgentSpec, path: KeyPath, kind: str, key: str) -> Iterator[Remark]:
    try:
        named, required = paths(key), required_paths(key)
    except TemplateError as error:
        yield Remark("error", path, str(error))
        return
    foreign = sorted(name for name in named if name.split(".")[0] != "input")
    for name in foreign:
        yield Remark("error", path, f"{{{name}}}: a {kind} key is made from input only")
    for name in sorted(required.difference(foreign)):
        reason = _cannot_fill(name, spec)
        if reason and spec.schedule:
            message = f"{reason}; a scheduled run has nothing else: give it under 'input'"
            yield Remark("error", path, message)
        elif reason and not _brought(name, spec):
            yield Remark("warning", path, f"{reason}; every run must bring it")


def _constant(key: str) -> Iterator[Remark]:
    try:
        if paths(key):
            return
    except TemplateError:
        return  # told already
    yield Remark(
        "warning",
        ("dedupe", "key"),
        f"'{key}' is the same for every run, so only the first one would work; name what tells "
        "them apart, for example {input.sha}",
    )


def _cannot_fill(name: str, spec: AgentSpec) -> str | None:
    try:
        value = render(f"{{{name}}}", {"input": spec.input})
    except TemplateError as error:
        return str(error)
    return f"{{{name}}} is null" if value is None else None


def _brought(name: str, spec: AgentSpec) -> bool:
    """Tell whether `accepts` turns away a run that does not bring the key."""
    schema = spec.accepts.json_schema if spec.accepts else {}
    required = cast("list[str]", schema.get("required", []))
    return any(f"input.{key}" == ".".join(name.split(".")[:2]) for key in required)
