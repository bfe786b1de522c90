"""Runs that people and budgets hold up, and the workflows that keep count, to be recorded."""

import pytest

from activities import safekeeping
from rota.budgets.reservations import Cap, WindowKind
from rota.ids import budget_id, keeper_id, keeper_queue
from rota.keepers.freeze import FreezeRequest
from rota.runs import RunStatus
from rota.team_spec import PinnedTeam
from rota.tools import tool
from tests.approving import Ledger, calling, decide, open_approvals, posting
from tests.replay.pipeline_scenarios import executions
from tests.replay.provider_scenarios import beside
from tests.replay.scenarios import DONE, Recording, Scenario
from tests.stack import Stack, script
from tests.workflows.claude import QUICK_RETRY
from tests.workflows.failing_store import FailingStore
from tests.workflows.money import give, parked, spending
from tests.workflows.standing import waits

SLOT = "2026-11-22T06:00:00Z"


@tool(name="books.post", effect="write")
def post() -> str:
    """Post, and be lost."""
    raise ConnectionError("lost in the middle")


TOOLS = (post, *Ledger().tools)


async def approved(stack: Stack) -> list[Recording]:
    """Two calls of one turn wait: one is edited and made, the other denied."""
    await stack.declare(
        "approver",
        runtime=calling(posting(amount=900), posting("DE34", amount=7)),
        tools=["ledger.post"],
        approvals={"ledger.post": {"timeout": "4h", "escalate": {"after": "1h"}}},
    )
    handle = await stack.start("approver", "approver-1", by="pat")
    edited, denied = await open_approvals(handle, 2)
    await decide(handle, edited, "edit", arguments={"account": "DE12", "amount": 90})
    await decide(handle, denied, "deny", note="not this one")
    await handle.result()
    return [Recording("run-approved", "approver-1")]


async def unknown_effects(stack: Stack) -> list[Recording]:
    """A write of which nobody knows: the run parks, and somebody says that it happened."""
    runtime = script({"calls": [{"tool": "books.post"}]}, {"result": "{results.books_post}"})
    await stack.declare("poster", runtime=runtime, tools=["books.post"])
    handle = await stack.start("poster", "poster-1", slot=SLOT)
    await waits(handle, RunStatus.PARKED)
    (unknown,) = (await stack.keeper("poster")).open_effects
    said = {"effect": unknown.id, "happened": True, "receipt": 17, "by": "ann"}
    await handle.execute_update("resolve_effect", said)
    await handle.result()
    return [
        Recording("run-effect-unknown", "poster-1"),
        Recording("keeper-effect-unknown", keeper_id("poster")),
    ]


async def lost_writes(stack: Stack) -> list[Recording]:
    """A write whose store is gone until every attempt is used up: it is looked for, then asked."""
    patch = pytest.MonkeyPatch()
    own = await beside(stack, "lost")
    own.store = store = FailingStore(own.store, "set_ref", b"effects/", times=0)

    @tool(name="books.lose", effect="write", timeout="5s")
    def lose() -> str:
        """Book, and lose the store for three attempts of five tries each."""
        store.times = 15
        return "booked"

    try:
        patch.setattr(safekeeping, "DELAYS_SECONDS", (0.0,) * 4)
        runtime = script({"calls": [{"tool": "books.lose"}]}, {"result": "{results.books_lose}"})
        async with own.worker([lose]):
            declared = {"runtime": runtime, "tools": ["books.lose"], "retry": QUICK_RETRY}
            await own.declare("loser", **declared)
            handle = await own.start("loser", "loser-1", slot=SLOT)
            await waits(handle, RunStatus.PARKED)
            (unknown,) = (await own.keeper("loser")).open_effects
            said = {"effect": unknown.id, "happened": True, "by": "ann"}
            await handle.execute_update("resolve_effect", said)
            await handle.result()
    finally:
        patch.undo()
    return [Recording("run-effect-looked-for", "loser-1")]


async def budgets(stack: Stack) -> list[Recording]:
    """Runs that park at the run's limit and at the team's, and go on when given more."""
    team = stack.client.get_workflow_handle(budget_id("spending"))
    await stack.client.start_workflow(
        "Budget", id=team.id, task_queue=keeper_queue(stack.task_queue)
    )
    caps = {WindowKind.DAY: Cap(micros=4000)}
    pinned = PinnedTeam(digest="d", name="spending", fleet="test", window_caps=caps)
    await team.execute_update("declare", pinned)
    limits = {"run_usd": 0.0025, "day_usd": 0.01}
    await stack.declare(
        "spender", **spending(1000, 1000, 100), team="spending", team_budget=True, budget=limits
    )
    first = await stack.start("spender", "spender-1")
    await parked(first)
    await give(first, micros=1000)
    await first.result()
    second = await stack.start("spender", "spender-2")
    await parked(second)
    more = {"window": "day", "micros": 10_000, "by": "ann", "reason": "month end"}
    await team.execute_update("raise_budget", {"id": "r1", **more})
    await give(second, micros=1000)
    await second.result()
    return [
        Recording("run-parked-at-its-limit", "spender-1"),
        *await executions(stack, "run-parked-at-the-teams", "spender-2"),
        Recording("keeper-spending", keeper_id("spender")),
        *await executions(stack, "budget-of-a-team", team.id),
    ]


async def held(stack: Stack) -> list[Recording]:
    """A keeper that is frozen and thawed, and whose results are accepted or not."""
    keeper = stack.client.get_workflow_handle(keeper_id("holder"))
    await stack.declare("holder", runtime=DONE, session={"baseline": "manual"})
    await stack.run("holder", "holder-1", slot=SLOT)
    candidate = (await stack.keeper("holder")).session("default").baseline.candidate
    assert candidate is not None
    word = {"session": "default", "digest": candidate.digest, "by": "ann"}
    await keeper.execute_update("accept_baseline", word)
    await keeper.execute_update("freeze", FreezeRequest(reason="audit", by="bob"))
    await stack.run("holder", "holder-2", slot="2026-11-22T07:00:00Z")
    await keeper.execute_update("thaw", "bob")
    await stack.run("holder", "holder-3", slot="2026-11-22T08:00:00Z")
    return [
        Recording("keeper-held", keeper_id("holder")),
        Recording("run-frozen-out", "holder-2"),
        Recording("run-with-a-baseline", "holder-3"),
    ]


SCENARIOS: tuple[Scenario, ...] = (approved, unknown_effects, lost_writes, budgets, held)
