"""What people could not be told is told after continue-as-new, by runs and accounts alike."""

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.workflow import Info

from activities.notifying import NotifyingActivities
from rota.budgets.reservations import Amount, Cap, HoldEnd, WindowKind
from rota.ids import budget_id, keeper_id, keeper_queue
from rota.keepers.admission import RunRef
from rota.notices.spec import Occasion
from rota.team_spec import PinnedTeam
from tests.fakes.hook_receiver import HookReceiver
from tests.stack import Stack, script
from tests.workflows.money import add, give, parked, spending
from tests.workflows.notified import QUICK, Line, hook


class Cut:
    """There is no way out for the first execution of a workflow, which then ends."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch, id: str) -> None:
        self._handle = stack.client.get_workflow_handle(id)
        stack.notifier_policy = QUICK
        whole = vars(NotifyingActivities)["_post"]
        tried: set[str | None] = set()

        async def post(*given: object) -> None:
            info = activity.info()
            if info.workflow_id == id and tried <= {info.workflow_run_id}:
                tried.add(info.workflow_run_id)
                raise ApplicationError("no way out", non_retryable=True)
            await whole(*given)

        def suggested(info: Info) -> bool:
            return info.workflow_id == id and info.run_id in tried

        monkeypatch.setattr(NotifyingActivities, "_post", post)
        monkeypatch.setattr(Info, "is_continue_as_new_suggested", suggested)

    async def has_continued(self) -> bool:
        """True if the execution that is open, or was the last, is not the first."""
        described = await self._handle.describe()
        return described.raw_description.workflow_execution_info.first_run_id != described.run_id


async def test_wait_that_nobody_was_told_of_is_told_once_the_run_has_continued_as_new(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the run's result owes nothing."""
    name = stack.name("spender")
    cut = Cut(stack, monkeypatch, f"{name}-1")
    with HookReceiver() as receiver:
        entry = hook(stack, receiver, Occasion.PARKED)
        async with stack.worker([add]):
            budget = {"run_usd": 0.0025}
            await stack.declare(name, **spending(1000, 1000, 100), budget=budget, notify=[entry])
            run = await stack.start(name, f"{name}-1")
            await parked(run)
            await give(run, micros=9000)
            result = await run.result()
            await Line(stack, entry).told(1)
            continued = await cut.has_continued()
    assert (continued, result.untold) == (True, ())


async def test_soft_limit_that_nobody_was_told_of_is_told_once_its_account_has_continued_as_new(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as told from the first, and is not forgotten."""
    team = stack.name("finance")
    cut = Cut(stack, monkeypatch, budget_id(team))
    with HookReceiver() as receiver:
        line = Line(stack, hook(stack, receiver, Occasion.BUDGET_SOFT))
        caps = {WindowKind.DAY: Cap(tokens=100)}
        spec = PinnedTeam(digest="d", name=team, window_caps=caps, notify=(line.spec,))
        async with stack.worker():
            account = await stack.client.start_workflow(
                "Budget", id=budget_id(team), task_queue=keeper_queue(stack.task_queue)
            )
            await account.execute_update("declare", spec)
            end = HoldEnd(run=RunRef(id=f"{team}-1", key="k"), spent=Amount(tokens=90))
            await account.execute_update("settle", end)
            await line.told(1)
            continued = await cut.has_continued()
    assert continued


async def test_soft_limit_of_an_agent_is_told_once_its_keeper_has_continued_as_new(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a team."""
    name = stack.name("report")
    cut = Cut(stack, monkeypatch, keeper_id(name))
    spends = script({"result": "done", "usage": {"input_tokens": 90_000}})
    with HookReceiver() as receiver:
        entry = hook(stack, receiver, Occasion.BUDGET_SOFT)
        async with stack.worker():
            await stack.declare(
                name, runtime=spends, budget={"day_tokens": 100_000}, notify=[entry]
            )
            await stack.run(name, f"{name}-1")
            await Line(stack, entry).told(1)
            continued = await cut.has_continued()
            state = await stack.keeper(name)
    assert (continued, state.untold) == (True, ())
