"""The code review example on a real server: by hand, by event and at night, each commit once."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.ids import topic_id
from rota.pipeline_run import NodeResult, PipelineResult
from rota.runs import AgentRunResult, RunStatus
from rota.tools import ToolDefinition
from rota.topic import Published
from schedules.fleet import load_fleet
from tests.examples.code_review import TOOLS, copy_fleet, run_git, truth_of, written
from tests.fleets import apply_of
from tests.pipelines import run_pipeline, start_pipeline
from tests.stack import Stack, open_stack
from tests.workflows.gates import poll, until
from workers.devserver import dev_server

Truth = dict[str, Any]
NIGHT = "nightly-review"
REVIEW = "code-review"
COMMENT = "branch, path, line, rule"


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


async def apply(stack: Stack) -> None:
    """Put the fleet in force as `rota apply` does."""
    await apply_of(stack, load_fleet(stack.folder))


class Busy:
    """Counts the runs that are at work between their first tool call and their last.

    The review of the commit `held` stops at its first, until the test sets `opened`.
    """

    def __init__(self, held: str = "") -> None:
        self.most = 0
        self.worked: Counter[str] = Counter()
        self.opened = threading.Event()
        self._held = held
        self._now: set[str] = set()
        self._lock = threading.Lock()

    @property
    def tools(self) -> list[ToolDefinition]:
        """The fleet's tools, with the first and the last of a review watched."""

        def entered(ctx: Any, **arguments: Any) -> Any:
            with self._lock:
                self._now.add(ctx.run_id)
                self.worked[ctx.run_id] += 1
                self.most = max(self.most, len(self._now))
            assert ctx.input["head"] != self._held or self.opened.wait(60)
            return TOOLS["git.log"](ctx, **arguments)

        def left(ctx: Any, **arguments: Any) -> Any:
            with self._lock:
                self._now.discard(ctx.run_id)
            return TOOLS["review.submit"](ctx, **arguments)

        watched = {"git.log": entered, "review.submit": left}
        return [
            replace(tool, function=watched.get(name, tool.function)) for name, tool in TOOLS.items()
        ]


def by_branch(result: PipelineResult) -> dict[str, NodeResult]:
    """The reviews of a night."""
    heads = result.nodes["branches"].output["heads"]
    items = result.nodes["review"].items or ()
    return {head["branch"]: item for head, item in zip(heads, items, strict=True)}


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


def planted_comments(truth: Truth) -> list[tuple[Any, ...]]:
    """What must stand in the store, each once."""
    return sorted(
        (each["branch"], finding["path"], finding["line"], finding["rule"])
        for each in truth["branches"]
        for finding in each["findings"]
    )


async def by_hand(stack: Stack, run_id: str, head: Truth) -> WorkflowHandle[Any, AgentRunResult]:
    """Start a review of a commit."""
    return await stack.start(REVIEW, run_id, input=commit_of(head))


def commit_of(head: Truth) -> Truth:
    """The input of a review."""
    return {"repository": "shop", "branch": head["branch"], "head": head["head"]}


async def pushed(stack: Stack, head: Truth) -> None:
    """Publish what a repository's hook would."""
    topic = stack.client.get_workflow_handle(topic_id("branch.pushed"))
    request = {"id": f"{head['branch']}@{head['head']}", "payload": commit_of(head)}
    told = await topic.execute_update("publish", request, result_type=Published)
    assert not told.refused


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


async def forget(stack: Stack, run_id: str) -> None:
    """Delete a closed run, as the server's retention does."""
    execution = WorkflowExecution(workflow_id=run_id)
    await stack.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=stack.client.namespace, workflow_execution=execution
        )
    )

    async def gone() -> bool | None:
        try:
            await stack.client.get_workflow_handle(run_id).describe()
        except RPCError as error:
            if not is_missing(error):
                raise
            return True
        return None

    # The server deletes once it has written down what it has worked off, every half minute.
    await poll(gone, 90)
