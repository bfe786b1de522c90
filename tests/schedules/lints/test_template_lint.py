"""Keys made from a run's input, and what is taken from an event: what cannot be there."""

from typing import Any

import pytest

from tests.schedules.remarks_of import DAILY, remarks_of

CLEAN: list[dict[str, Any]] = [
    {"schedule": DAILY, "session": {"key": "{input.a}"}, "input": {"a": "1"}},
    {"schedule": DAILY, "session": {"key": "{input.a|none}"}},
    {"schedule": DAILY, "session": {"key": "fixed"}},
    {"dedupe": "{input.a}", "input": {"a": 1}, "fairness": {"key": "{input.b|none}"}},
    {"dedupe": "{input.a}", "accepts": {"schema": {"required": ["a"]}}},
    {"on": [{"event": "a.b", "filter": "event.name == 'a.b'", "input": {"x": "{payload}"}}]},
]

REMARKS: list[tuple[str, dict[str, Any], tuple[str, str, str]]] = [
    (
        "scheduled session key without input",
        {"schedule": DAILY, "session": {"key": "{input.account}"}, "input": {"feed": "f"}},
        (
            "error",
            "session.key",
            "{input.account}: no 'account'; 'input' has feed; "
            "a scheduled run has nothing else: give it under 'input'",
        ),
    ),
    (
        "scheduled session key of null",
        {"schedule": DAILY, "session": {"key": "{input.a}"}, "input": {"a": None}},
        ("error", "session.key", "{input.a} is null; a scheduled run has nothing else"),
    ),
    (
        "manual session key without input",
        {"session": {"key": "{input.account}"}},
        (
            "warning",
            "session.key",
            "{input.account}: no 'account'; 'input' is empty; every run must bring it",
        ),
    ),
    (
        "session key of something else",
        {"session": {"key": "{memory.account|x}"}},
        ("error", "session.key", "{memory.account}: a session key is made from input only"),
    ),
    (
        "malformed session key",
        {"session": {"key": "{input.account"}},
        ("error", "session.key", "lone '{'; write {{ for a brace"),
    ),
    (
        "key of what every run must bring",
        {"dedupe": "{input.sha}"},
        (
            "warning",
            "dedupe.key",
            "{input.sha}: no 'sha'; 'input' is empty; every run must bring it",
        ),
    ),
    (
        "key of an agent that only the clock starts",
        {"schedule": DAILY, "dedupe": "{input.sha}"},
        ("error", "dedupe.key", "a scheduled run has nothing else: give it under 'input'"),
    ),
    (
        "same key for every run",
        {"dedupe": {"key": "nightly", "keep": "1d"}},
        ("warning", "dedupe.key", "'nightly' is the same for every run"),
    ),
    (
        "key of something else than input",
        {"fairness": {"key": "{memory.customer}"}},
        ("error", "fairness.key", "{memory.customer}: a fairness key is made from input only"),
    ),
    (
        "one event twice",
        {"on": [{"event": "a.b"}, {"event": "c.d"}, {"event": "a.b", "filter": "payload.x"}]},
        ("error", "on.2.event", "'a.b' is subscribed to in on[0] already; join both"),
    ),
    (
        "filter over something else than the event",
        {"on": [{"event": "a.b", "filter": "payload.x > 0 and input.y"}]},
        ("error", "on.0.filter", "input.y: an event has only payload and event"),
    ),
    (
        "input from something else than the event",
        {"on": [{"event": "a.b", "input": {"deep": ["{payload.x}", "{amount}"]}}]},
        ("error", "on.0.input.deep.1", "{amount}: an event has only payload and event"),
    ),
    (
        "part of the event that it has not",
        {"on": [{"event": "a.b", "filter": "event.amount > 0 and event.id"}]},
        ("error", "on.0.filter", "event.amount: event has at, id, name; the rest is in payload"),
    ),
    (
        "malformed input",
        {"on": [{"event": "a.b", "input": {"x": "{payload.x"}}]},
        ("error", "on.0.input.x", "lone '{'"),
    ),
    (
        "input that is no mapping",
        {"accepts": {"schema": {"type": "array"}}},
        ("error", "accepts.schema.type", "a run's input is a mapping, and this accepts array"),
    ),
]


@pytest.mark.parametrize("fields", CLEAN, ids=str)
def test_lint_spec_template_that_can_be_filled_passes_in_silence(fields: dict[str, Any]) -> None:
    """What the declaration, a default or the accepted input brings draws no remark."""
    assert remarks_of(**fields) == []


@pytest.mark.parametrize(
    ("fields", "expected"), [c[1:] for c in REMARKS], ids=[c[0] for c in REMARKS]
)
def test_lint_spec_template_that_cannot_be_filled_draws_one_remark(
    fields: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    """Each doubt is one remark with its level, its key and what to do."""
    ((level, key, message),) = remarks_of(**fields)
    assert (level, key) == expected[:2]
    assert expected[2] in message
