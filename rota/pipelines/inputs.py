"""What templates and conditions of a node see: its pipeline's input and the nodes before it.

Pure. Results over 4 KiB are not in the state but in the object store; what names one says
so first (`MissingOutputs`), so that it is read and the question put again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from rota.language.conditions import condition_paths, holds
from rota.language.templates import TemplateError, paths, render
from rota.pipelines.plan import Plan
from rota.pipelines.run import NodeResult
from rota.pipelines.spec import MOST_ITEMS
from rota.pipelines.state import DagState, Phase, Place

OWN = ("input", "slot", "item")
"""Names in a scope that are no nodes."""


@dataclass(frozen=True)
class Given:
    """What a run of a pipeline works with, beside its state."""

    input: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The pipeline's."""
    slot: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Large results that were read, by digest."""
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    """Large results that cannot be had, by digest, and why."""


class InputError(ValueError):
    """A node's input, items or condition cannot be made; the message says why."""


class MissingOutputs(Exception):
    """Results have to be read first."""

    def __init__(self, digests: tuple[str, ...]) -> None:
        super().__init__(f"{len(digests)} results to read")
        self.digests = digests


def with_read(
    given: Given,
    plan: Plan,
    state: DagState,
    outputs: Mapping[str, Any],
    refused: Mapping[str, str],
) -> Given:
    """Add results that were read; forget those that nothing still to be done names."""
    named = _still_named(plan, state)
    kept = {digest: output for digest, output in given.outputs.items() if digest in named}
    return replace(given, outputs={**kept, **outputs}, refused={**given.refused, **refused})


def condition_holds(plan: Plan, state: DagState, given: Given, name: str) -> bool:
    """Return whether the node's `when` is true; a node without one always runs.

    Raises:
        MissingOutputs: results it names must be read first.
        InputError: one of them cannot be had.
    """
    condition = plan.nodes[name].when
    if condition is None:
        return True
    return holds(condition, _scope(plan, state, given, name, condition_paths(condition)))


def items_of(plan: Plan, state: DagState, given: Given, name: str) -> list[Any] | None:
    """Return the items of the node's `for_each`; None for a node without.

    Raises:
        MissingOutputs: results it names must be read first.
        InputError: it gives no list, or too long a one.
    """
    template = plan.nodes[name].for_each
    if template is None:
        return None
    items = _rendered(plan, state, given, name, template)
    if not isinstance(items, list):
        raise InputError(f"for_each: {template} is {_kind(items)}, not a list")
    count = len(cast("list[Any]", items))
    if count > MOST_ITEMS:
        raise InputError(f"for_each: {count} items, at most {MOST_ITEMS} can be worked through")
    return cast("list[Any]", items)


def input_of(
    plan: Plan, state: DagState, given: Given, name: str, place: Place | None
) -> dict[str, Any]:
    """Return the input of the node's next run; `place` is its item's, if it has items.

    Raises:
        MissingOutputs: results it names must be read first.
        InputError: a template names what is not there.
    """
    own = {} if place is None else {"item": place.item}
    template = plan.nodes[name].input
    return cast("dict[str, Any]", _rendered(plan, state, given, name, template, own, "input: "))


def _rendered(
    plan: Plan,
    state: DagState,
    given: Given,
    name: str,
    template: Any,
    own: Mapping[str, Any] | None = None,
    label: str = "for_each: ",
) -> Any:
    try:
        scope = _scope(plan, state, given, name, paths(template))
        return render(template, {**scope, **(own or {})})
    except TemplateError as error:
        raise InputError(f"{label}{error}") from None


def _scope(
    plan: Plan, state: DagState, given: Given, name: str, named: Iterable[str]
) -> dict[str, Any]:
    """Return the scope, with no more nodes than the template or condition names."""
    scope: dict[str, Any] = {"input": given.input, "slot": given.slot}
    missing: list[str] = []
    for first, whole in _wants_output(named).items():
        result = state.node(first).result
        if first in OWN or result is None or not plan.is_before(first, name):
            continue
        output: Any = None
        if whole:
            output, unread = _output(first, result, given)
            missing.extend(unread)
        scope[first] = {
            "status": result.status.value,
            "reason": result.reason,
            "run_id": result.run_id,
            "output": output,
            "output_digest": result.output_digest,
        }
    if missing:
        raise MissingOutputs(tuple(dict.fromkeys(missing)))
    return scope


def _wants_output(named: Iterable[str]) -> dict[str, bool]:
    """Return the first part of every path, and whether its output is meant."""
    wants: dict[str, bool] = {}
    for path in sorted(named):
        first, _, rest = path.partition(".")
        whole = not rest or rest == "output" or rest.startswith("output.")
        wants[first] = wants.get(first, False) or whole
    return wants


def _still_named(plan: Plan, state: DagState) -> frozenset[str]:
    """Return the digests of the results that nodes which have not ended name."""
    digests: set[str] = set()
    for name, spec in plan.nodes.items():
        if state.node(name).phase is Phase.ENDED:
            continue
        named = paths([spec.for_each, spec.input])
        if spec.when is not None:
            named |= condition_paths(spec.when)
        for first, whole in _wants_output(named).items():
            result = state.node(first).result
            if whole and result is not None:
                ends = (result, *(result.items or ()))
                digests.update(end.output_digest for end in ends if end.output_digest is not None)
    return frozenset(digests)


def _output(name: str, result: NodeResult, given: Given) -> tuple[Any, list[str]]:
    """Return a node's output, and the digests without which it is not known yet."""
    if result.items is not None:
        parts = [_output(f"{name}, item {n}", item, given) for n, item in enumerate(result.items)]
        return [output for output, _ in parts], [digest for _, unread in parts for digest in unread]
    digest = result.output_digest
    if result.output is not None or digest is None:
        return result.output, []
    if digest in given.refused:
        raise InputError(f"output of {name}: {given.refused[digest]}")
    if digest not in given.outputs:
        return None, [digest]
    return given.outputs[digest], []


def _kind(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
