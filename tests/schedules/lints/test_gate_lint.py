"""Gates that nothing can pass, and those that only look so."""

from pathlib import Path

import pytest

from tests.schedules.pipeline_folder import HEAD, SIX, lint_pipeline, nodes

WRONG: list[tuple[str, str, list[str]]] = [
    (
        "durations the wrong way round",
        nodes("b: {agent: free, not_before: 2h, deadline: 1h}"),
        [
            "5: error: nodes.b.deadline: 1h comes before not_before (2h); "
            "set a later deadline, or an earlier not_before"
        ],
    ),
    (
        "no time between gates",
        nodes("b: {agent: free, not_before: 1h, deadline: 60m}"),
        [
            "5: error: nodes.b.deadline: 1h leaves no time after not_before; "
            "set a later deadline, or an earlier not_before"
        ],
    ),
    (
        "no time at all",
        nodes("b: {agent: free, deadline: 0s}"),
        ["5: error: nodes.b.deadline: 0s after the slot leaves no time; write for example 1h"],
    ),
    (
        "clock times the wrong way round",
        nodes('b: {agent: free, not_before: "06:30", deadline: "06:15"}', head=HEAD + SIX),
        [
            "6: error: nodes.b.deadline: 06:15 comes before not_before (06:30) for the slot "
            "2026-11-24 06:00; set a later deadline, or an earlier not_before"
        ],
    ),
    (
        "clock time and duration",
        nodes('b: {agent: free, not_before: "06:30", deadline: 10m}', head=HEAD + SIX),
        [
            "6: error: nodes.b.deadline: 10m comes before not_before (06:30) for the slot "
            "2026-11-24 06:00; set a later deadline, or an earlier not_before"
        ],
    ),
    (
        "deadline before the slot",
        nodes('b: {agent: free, deadline: "05:30"}', head=HEAD + SIX),
        [
            "6: warning: nodes.b.deadline: 05:30 is before the slot at 06:00 and so means the "
            "next day; set a later time, or a duration such as 2h"
        ],
    ),
]

SOUND = [
    nodes("b: {agent: free, not_before: 1h, deadline: 2h}"),
    nodes(
        'b: {agent: free, not_before: "23:30", deadline: "01:00"}',
        head=HEAD + 'schedule: {cron: "0 23 * * *", timezone: Europe/Berlin}\n',
    ),
    nodes('b: {agent: free, not_before: "06:15", deadline: 1h}', head=HEAD + SIX),
    nodes('b: {agent: free, not_before: "06:30", deadline: "06:15"}'),
]


@pytest.mark.parametrize(("text", "expected"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_lint_of_a_gate_that_nothing_can_pass_names_place_and_cure(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    """Clock times are compared for the next slots, durations as they are."""
    assert lint_pipeline(tmp_path, text) == [f"pipelines/p.yaml:{line}" for line in expected]


@pytest.mark.parametrize("text", SOUND)
def test_lint_of_gates_that_can_be_passed_is_silent(tmp_path: Path, text: str) -> None:
    """A night's work may cross midnight, and without a schedule nothing is known."""
    assert lint_pipeline(tmp_path, text) == []
