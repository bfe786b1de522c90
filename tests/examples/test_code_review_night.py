"""Nights of the code review example on a real server: what is new is reviewed, once."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rota.pipelines.run import NodeResult
from rota.runs import RunStatus
from tests.examples.code_review import copy_fleet, run_git, truth_of, written
from tests.examples.code_review_night import (
    COMMENT,
    NIGHT,
    REVIEW,
    Busy,
    Truth,
    apply,
    by_branch,
    planted_comments,
)
from tests.pipelines import run_pipeline
from tests.stack import Stack, open_stack
from workers.devserver import dev_server


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A server of one's own: the fleet has its real names."""
    async with dev_server() as running:
        yield await open_stack(running.address, tmp_path)


@pytest.fixture
def truth(stack: Stack) -> Truth:
    """The fleet's files and its repository, and what is planted there."""
    copy_fleet(stack.folder)
    return truth_of(stack.folder)


def planted(truth: Truth) -> dict[str, tuple[str, list[Truth]]]:
    """Verdict and findings by branch, as planted."""
    return {each["branch"]: (each["verdict"], each["findings"]) for each in truth["branches"]}


def found(reviews: dict[str, NodeResult]) -> dict[str, tuple[str, list[Truth]]]:
    """Verdict and findings by branch, as reported."""
    return {
        branch: (
            review.output["verdict"],
            [{k: f[k] for k in ("rule", "path", "line")} for f in review.output["findings"]],
        )
        for branch, review in reviews.items()
    }


async def test_nights_review_what_is_new_and_skip_what_is_not(stack: Stack, truth: Truth) -> None:
    """All planted flaws the first night, nothing the second, one new commit the third."""
    busy = Busy()
    async with stack.worker(busy.tools):
        await apply(stack)
        first = await run_pipeline(stack, NIGHT, "night-1", slot="2026-10-01T02:30:00Z")
        comments = sorted(written(stack.folder, COMMENT))
        second = await run_pipeline(stack, NIGHT, "night-2", slot="2026-10-02T02:30:00Z")
        unchanged = sorted(written(stack.folder, COMMENT))
        shop = stack.folder / "repositories" / "shop"
        run_git(shop, "switch", "--quiet", "feature/discounts")
        with (shop / "shop" / "prices.py").open("a") as file:
            file.write("# TODO: also on cake\n")
        run_git(shop, "commit", "--quiet", "--all", "--message", "Think of cake")
        third = await run_pipeline(stack, NIGHT, "night-3", slot="2026-10-03T02:30:00Z")
        ledger = (await stack.keeper(REVIEW)).ledger
    ones, twos, threes = (by_branch(night) for night in (first, second, third))

    assert found(ones) == planted(truth)
    assert comments == planted_comments(truth)
    assert {review.status for review in ones.values()} == {RunStatus.SUCCEEDED}
    digest = first.nodes["digest"].output
    assert digest["reviews"] == len(truth["branches"])
    assert digest["verdicts"] == Counter(each["verdict"] for each in truth["branches"])
    assert sum(digest["rules"].values()) == len(comments)
    # Reviews really ran side by side, and never more of them than may.
    assert busy.most == 3

    assert second.status is RunStatus.SUCCEEDED
    for branch, review in twos.items():
        assert review.status is RunStatus.SKIPPED
        assert review.reason.startswith(f"already done by {ones[branch].run_id} at ")
        assert review.output == ones[branch].output
    assert second.nodes["digest"].output == digest
    assert unchanged == comments

    changed = [branch for branch, review in threes.items() if review.status is RunStatus.SUCCEEDED]
    assert changed == ["feature/discounts"]
    assert found(threes)["feature/discounts"] == (
        "comment",
        [{"rule": "todo", "path": "shop/prices.py", "line": 14}],
    )
    assert len(written(stack.folder, COMMENT)) == len(comments) + 1
    worked = [entry for entry in ledger.values() if entry.status is RunStatus.SUCCEEDED]
    assert len(worked) == len(truth["branches"]) + 1
    assert set(busy.worked.values()) == {1}


async def test_review_that_fails_holds_up_no_other_and_is_tried_the_next_night(
    stack: Stack, truth: Truth
) -> None:
    """The digest counts it as missing; its commit is free for whoever asks next."""
    head = truth["branches"][0]
    busy = Busy(broken=head["head"])
    async with stack.worker(busy.tools):
        await apply(stack)
        first = await run_pipeline(stack, NIGHT, "night-1")
        busy.broken = ""
        second = await run_pipeline(stack, NIGHT, "night-2")
    others = len(truth["branches"]) - 1
    assert first.status is RunStatus.FAILED
    assert by_branch(first)[head["branch"]].attempts == 2
    assert Counter(item.status for item in by_branch(first).values()) == {
        RunStatus.SUCCEEDED: others,
        RunStatus.FAILED: 1,
    }
    digest = first.nodes["digest"].output
    assert (digest["reviews"], digest["without_review"]) == (others, 1)
    assert second.status is RunStatus.SUCCEEDED
    assert by_branch(second)[head["branch"]].status is RunStatus.SUCCEEDED
    assert found(by_branch(second)) == planted(truth)
    assert sorted(written(stack.folder, COMMENT)) == planted_comments(truth)
