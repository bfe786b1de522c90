"""The code review example as declared: it fits together, and its models can do no harm."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.examples.code_review import FLEET, TOOLS, digests
from workers.checked_fleet import check_fleet

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def test_fleet_is_valid_and_its_tools_are_known() -> None:
    """`rota validate` has nothing to warn of; that somebody else publishes is worth a note."""
    checked = check_fleet(FLEET, NOW)
    assert checked.warnings == ()
    assert [note.key for note in checked.notes] == ["on[0].event"]
    used = {tool for agent in checked.fleet.agents.values() for tool in agent.spec.tools}
    assert used == set(TOOLS)


def test_tools_are_safe_to_repeat() -> None:
    """None of them is of the class that may never run twice."""
    assert {tool.effect.value for tool in TOOLS.values()} == {"read", "idempotent"}


def test_what_is_reviewed_is_not_for_the_model_to_choose() -> None:
    """No argument names a repository, a branch, a commit or the store."""
    for tool in TOOLS.values():
        names = set(tool.schema.parameters.get("properties", {}))
        assert not names & {"repository", "branch", "head", "base", "root", "store"}


def review(branch: str, verdict: str, *rules: str) -> dict[str, Any]:
    """A review's result, as far as a digest reads it."""
    findings = [{"rule": rule} for rule in rules]
    return {"branch": branch, "head": "0" * 40, "verdict": verdict, "findings": findings}


@pytest.mark.parametrize(
    ("reviews", "branches", "summary"),
    [
        ([], [], "0 branches reviewed, 0 findings."),
        (
            [review("a", "approve"), review("b", "request_changes", "secret", "todo")],
            ["b", "a"],
            "2 branches reviewed, 2 findings. Changes are needed in b.",
        ),
        (
            [None, review("a", "comment", "todo"), None],
            ["a"],
            "1 branch reviewed, 1 finding. 2 reviews failed.",
        ),
        (
            [review(name, "request_changes", "secret") for name in "gfedcba"],
            list("abcdefg"),
            "7 branches reviewed, 7 findings. Changes are needed in a, b, c, d, e and 2 more.",
        ),
    ],
)
def test_digest_ranks_branches_and_counts_those_without_a_review(
    reviews: list[Any], branches: list[str], summary: str
) -> None:
    """The branches that must change come first, and a failed review is not passed over."""
    digest = digests.digest_of(reviews)
    assert [each["branch"] for each in digest["branches"]] == branches
    assert digest["summary"] == summary
    assert digest["reviews"] + digest["without_review"] == len(reviews)
