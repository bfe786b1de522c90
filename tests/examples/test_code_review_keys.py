"""The code review example on a real server: one review per commit, however it is asked for."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from rota.runs import RunStatus
from tests.examples.code_review import TOOLS, copy_fleet, run_git, truth_of, written
from tests.examples.code_review_night import (
    COMMENT,
    NIGHT,
    REVIEW,
    Busy,
    Truth,
    apply,
    by_branch,
    by_hand,
    commit_of,
    forget,
    planted_comments,
    pushed,
)
from tests.pipelines import start_pipeline
from tests.stack import Stack, open_stack
from tests.workflows.gates import until
from workers.devserver import dev_server

FORGETS_SOON = tuple(
    f'history.{queue}ProcessorUpdateAckInterval="1s"'
    for queue in ("transfer", "timer", "visibility")
)
"""A run is deleted once the server has written down what it has worked off: every half minute,
unless told otherwise."""


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A server of one's own: the fleet has its real names."""
    async with dev_server(extra_config=FORGETS_SOON) as running:
        yield await open_stack(running.address, tmp_path)


@pytest.fixture
def truth(stack: Stack) -> Truth:
    """The fleet's files and its repository, and what is planted there."""
    copy_fleet(stack.folder)
    return truth_of(stack.folder)


async def test_three_triggers_of_one_commit_are_one_review(stack: Stack, truth: Truth) -> None:
    """By hand, by event and at night at once: one run works, all have its result."""
    head = next(each for each in truth["branches"] if each["branch"] == "feature/payments")
    busy = Busy(held=head["head"])

    def joined(count: int) -> Callable[[Any], bool]:
        return lambda state: sum(len(key.waiters) for key in state.keys.values()) == count

    async with stack.worker(busy.tools):
        await apply(stack)
        manual = await by_hand(stack, "review-by-hand", head)
        await until(stack, REVIEW, lambda state: len(state.ledger) == 1)
        await pushed(stack, head)
        await until(stack, REVIEW, joined(1))
        night = await start_pipeline(stack, NIGHT, "night-1")
        await until(stack, REVIEW, joined(2))
        busy.opened.set()
        one, nightly = await asyncio.gather(manual.result(), night.result())
        state = await until(
            stack, REVIEW, lambda state: all(e.status.closed for e in state.ledger.values())
        )
    entries = [entry for entry in state.ledger.values() if entry.dedupe_key.endswith(head["head"])]
    assert Counter(entry.status for entry in entries) == {
        RunStatus.SUCCEEDED: 1,
        RunStatus.SKIPPED: 2,
    }
    assert {entry.trigger.value for entry in entries} == {"manual", "event", "upstream"}
    # By digest: the ledger's outputs are the runs' results.
    assert {entry.output for entry in entries} == {one.output_digest}
    assert by_branch(nightly)["feature/payments"].output == one.output
    assert one.status is RunStatus.SUCCEEDED
    assert sorted(written(stack.folder, COMMENT)) == planted_comments(truth)
    authors = written(stack.folder, "run_id", "reviews")
    assert len(authors) == len(truth["branches"])
    assert ("review-by-hand",) in authors


async def test_reviewed_commit_is_skipped_when_the_server_has_forgotten_its_run(
    stack: Stack, truth: Truth
) -> None:
    """The keeper remembers what history no longer holds, and gives the same result."""
    head = truth["branches"][1]
    async with stack.worker(list(TOOLS.values())):
        await apply(stack)
        first = await (await by_hand(stack, "first", head)).result()
        comments = written(stack.folder, COMMENT)
        await forget(stack, "first")
        second = await (await by_hand(stack, "second", head)).result()
        await pushed(stack, head)
        state = await until(
            stack,
            REVIEW,
            lambda state: (
                len(state.ledger) == 3 and all(e.status.closed for e in state.ledger.values())
            ),
        )
    assert (second.status, second.output) == (RunStatus.SKIPPED, first.output)
    assert second.reason.startswith("already done by first at ")
    assert {entry.output for entry in state.ledger.values()} == {first.output_digest}
    assert comments
    assert written(stack.folder, COMMENT) == comments


async def test_push_to_the_default_branch_is_no_review(stack: Stack, truth: Truth) -> None:
    """The subscription's filter lets branches through, and the base not."""
    main = {
        "branch": "main",
        "head": run_git(stack.folder / "repositories/shop", "rev-parse", "main"),
    }
    async with stack.worker(list(TOOLS.values())):
        await apply(stack)
        await pushed(stack, main)
        await pushed(stack, truth["branches"][0])
        state = await until(stack, REVIEW, lambda state: len(state.ledger) == 1)
    (entry,) = state.ledger.values()
    assert entry.dedupe_key == "shop@feature/discounts@" + truth["branches"][0]["head"]


async def test_input_that_names_no_commit_is_refused(stack: Stack, truth: Truth) -> None:
    """A short id, a path out of the root or an unknown key fails before anything is read."""
    head = truth["branches"][0]
    wrong = ({"head": head["head"][:12]}, {"repository": "../shop"}, {"root": "/"})
    async with stack.worker(list(TOOLS.values())):
        await apply(stack)
        for number, keys in enumerate(wrong):
            handle = await stack.start(REVIEW, f"wrong-{number}", input=commit_of(head) | keys)
            with pytest.raises(Exception, match="Workflow execution failed") as failed:
                await handle.result()
            assert "does not fit what code-review accepts" in str(failed.value.__cause__)
    assert written(stack.folder, COMMENT) == []


async def test_many_reviews_asked_for_at_once_take_turns(stack: Stack, truth: Truth) -> None:
    """Whoever starts them, three are at work; the rest wait and are all done in the end."""
    busy = Busy()
    async with stack.worker(busy.tools):
        await apply(stack)
        heads = truth["branches"]
        runs = [await by_hand(stack, f"by-hand-{n}", head) for n, head in enumerate(heads)]
        results = await asyncio.gather(*(run.result() for run in runs))
    assert {result.status for result in results} == {RunStatus.SUCCEEDED}
    assert busy.most == 3
