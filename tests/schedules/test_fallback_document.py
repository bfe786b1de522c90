"""Fallbacks in an agent's document: each block checked as the runtime that it names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest

from activities.runtimes.kinds import runtime_kinds
from rota.runtime_specs.base import SessionSettings
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape
from rota.runtimes.kinds import BUILT_IN
from schedules.fleet import load_fleet
from schedules.json_schema import fleet_json_schema
from tests.schedules.fleet_folder import problems_of, write

HEAD = "name: x\nruntime:\n  kind: anthropic\n  model: m\n  fallback:\n"


class ClerkSettings(SessionSettings):
    """Works by itself."""

    kind: Literal["clerk"] = "clerk"


@pytest.fixture
def clerk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more kind, which works by itself."""
    kind = RuntimeKind(
        kind="clerk",
        shape=Shape.SESSION,
        summary="a test's own",
        settings=ClerkSettings,
        capabilities=Capabilities(),
        implementation="nowhere:Nothing",
    )
    monkeypatch.setitem(BUILT_IN, "clerk", kind)
    runtime_kinds.cache_clear()
    yield
    runtime_kinds.cache_clear()


BAD: list[tuple[str, str, list[str]]] = [
    (
        "unknown key of its own kind",
        HEAD + "    - {kind: anthropic, model: n}\n    - {kind: anthropic, model: n, modle: o}\n",
        ["agents/x.yaml:7: runtime.fallback[1].modle: unknown key 'modle'; did you mean 'model'?"],
    ),
    (
        "a wrong value of its own kind",
        HEAD + "    - kind: anthropic\n      model: n\n      max_output_tokens: many\n",
        [
            "agents/x.yaml:8: runtime.fallback[0].max_output_tokens: "
            "expected a whole number, got text"
        ],
    ),
    (
        "one without a kind",
        HEAD + "    - {model: n}\n",
        ["agents/x.yaml:6: runtime.fallback[0].kind: missing; say which runtime takes over"],
    ),
    (
        "one within a fallback",
        HEAD + "    - {kind: anthropic, model: n, fallback: [{kind: anthropic, model: o}]}\n",
        [
            "agents/x.yaml:6: runtime.fallback[0].fallback: a fallback has none of its own; "
            "all of them stand in one list: write it under runtime itself"
        ],
    ),
    (
        "turns counted apart",
        HEAD + "    - {kind: anthropic, model: n, max_turns: 3}\n",
        [
            "agents/x.yaml:6: runtime.fallback[0].max_turns: the turns are counted over the "
            "whole run: write it under runtime itself"
        ],
    ),
    (
        "no mapping",
        HEAD + "    - bedrock\n",
        ["agents/x.yaml:6: runtime.fallback[0]: expected a mapping, got text"],
    ),
    (
        "a script that is not there",
        HEAD + "    - {kind: scripted, script: scripts/gone.yaml}\n",
        [
            "agents/x.yaml:6: runtime.fallback[0].script: no file 'scripts/gone.yaml' in the "
            "fleet's folder; mend the path"
        ],
    ),
    (
        "beside a runtime that is wrong itself",
        "name: x\nruntime: {kind: anthropic, fallback: [{kind: anthropic}]}\n",
        [
            "agents/x.yaml:2: runtime.model: missing; this key is required",
            "agents/x.yaml:2: runtime.fallback[0].model: missing; this key is required",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in BAD], ids=[c[0] for c in BAD])
def test_fallback_that_is_wrong_is_named_with_its_place(
    folder: Path, text: str, expected: list[str]
) -> None:
    """A fallback's keys are those of its own kind, and each problem has its line."""
    assert problems_of(folder, text) == expected


def test_fallback_of_an_unknown_kind_lists_those_there_are(folder: Path) -> None:
    """The kind is looked up as that of the runtime itself."""
    (problem,) = problems_of(folder, HEAD + "    - {kind: gpt}\n")
    assert problem.startswith(
        "agents/x.yaml:6: runtime.fallback[0].kind: unknown runtime 'gpt'; known: "
    )


def test_fallback_that_works_by_itself_is_refused(folder: Path, clerk: None) -> None:
    """Only a runtime that answers turn by turn can go on with a conversation."""
    (problem,) = problems_of(folder, HEAD + "    - {kind: clerk}\n")
    assert problem.startswith(
        "agents/x.yaml:6: runtime.fallback[0].kind: 'clerk' works by itself and cannot go on "
        "with a conversation; name one that answers turn by turn: "
    )


def test_fallback_of_a_runtime_that_works_by_itself_is_an_unknown_key(
    folder: Path, clerk: None
) -> None:
    """Its conversation is the provider's: nobody can take it over."""
    text = "name: x\nruntime:\n  kind: clerk\n  fallback: [{kind: anthropic, model: m}]\n"
    (problem,) = problems_of(folder, text)
    assert problem.startswith("agents/x.yaml:4: runtime.fallback: unknown key 'fallback'")


def test_fallbacks_are_kept_in_order_with_their_defaults(folder: Path) -> None:
    """What is stored of a fallback is what its kind reads, and nothing of the chain's."""
    write(folder, "scripts/calm.yaml", "- {result: 1}\n")
    text = HEAD + "    - {kind: anthropic, model: n, timeout: 2m}\n"
    write(folder, "agents/x.yaml", text + "    - {kind: scripted, script: scripts/calm.yaml}\n")
    spec = load_fleet(folder).agents["x"].spec
    _, first, second = spec.runtime.chain
    assert (first.model, second.kind) == ("n", "scripted")
    assert first.settings["timeout"] == "2m"
    assert second.settings["turns"][0]["result"] == 1
    assert spec.runtime.fallback is not None
    assert all("max_turns" not in block for block in spec.runtime.fallback)


@pytest.mark.parametrize(
    ("fallback", "fits"),
    [
        ([{"kind": "anthropic", "model": "n"}], True),
        ([{"kind": "scripted", "script": "scripts/calm.yaml"}], True),
        ([{"kind": "anthropic"}], False),
        ([{"kind": "anthropic", "model": "n", "modle": "o"}], False),
        ([{"kind": "anthropic", "model": "n", "max_turns": 3}], False),
        ([{"kind": "gpt", "model": "n"}], False),
    ],
)
def test_fallback_is_described_to_editors(fallback: object, fits: bool) -> None:
    """The schema accepts and refuses what reading the document does."""
    runtime: Any = {"kind": "anthropic", "model": "m", "fallback": fallback}
    validator = jsonschema.Draft202012Validator(fleet_json_schema())
    assert validator.is_valid({"name": "x", "runtime": runtime}) is fits
