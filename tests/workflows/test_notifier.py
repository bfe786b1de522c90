"""A channel's notifier on the real server: once for each fact, grouped, in spite of faults."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from temporalio import workflow

from tests.fakes.hook_receiver import HookReceiver
from tests.rota.notices.notice_desk import fact
from tests.stack import Stack
from tests.workflows.gates import poll
from tests.workflows.notified import QUICK, SECRET, Line, details_of, hook, slack
from workflows import notify_options

BEGINNING = 6
"""Events that an execution has at the end of its first workflow task."""


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    """A receiver that takes everything."""
    with HookReceiver() as receiver:
        yield receiver


async def test_facts_that_happen_together_are_told_in_one_signed_message(
    stack: Stack, receiver: HookReceiver
) -> None:
    """Posted again, nothing is told twice; the run's page is linked, whatever a run calls so."""
    stack.notifier_policy = QUICK
    line = Line(stack, hook(stack, receiver))
    async with stack.worker():
        await line.post(fact("a"), fact("b"))
        await line.post(fact("a"), fact("b"))
        await line.told(2)
        await line.post(fact("b"), fact("c", links={"run": "https://evil.example"}))
        state = await line.told(3)
        assert "3 facts told in 2 messages, 0 waiting" in await details_of(line.handle)
    assert [got.runs for got in receiver.taken] == [["a", "b"], ["c"]]
    assert all(got.is_signed_with(SECRET) for got in receiver.taken)
    assert len({got.id for got in receiver.taken}) == 2
    (told,) = receiver.taken[1].body["data"]["facts"]
    assert told["links"]["run"] == "https://ui.example/namespaces/default/workflows/c"
    assert state.messages == 2


async def test_burst_of_200_facts_is_a_few_messages_and_all_are_told(
    stack: Stack, receiver: HookReceiver
) -> None:
    """Nothing is lost, and nobody's chat is flooded."""
    stack.notifier_policy = QUICK.model_copy(update={"group_seconds": 1.0})
    line = Line(stack, hook(stack, receiver))
    async with stack.worker():
        await asyncio.gather(*(line.post(fact(f"r{number}")) for number in range(200)))
        await line.told(200)
    assert len(receiver.taken) <= 5
    runs = [run for got in receiver.taken for run in got.runs]
    assert len(runs) == len(set(runs))
    assert sum(got.total for got in receiver.taken) == 200


async def test_receiver_that_is_down_gets_the_same_message_once_it_is_up(
    stack: Stack, receiver: HookReceiver
) -> None:
    """Retried by itself; what came meanwhile follows."""
    stack.notifier_policy = QUICK
    receiver.is_down = True
    line = Line(stack, hook(stack, receiver))
    async with stack.worker():
        await line.post(fact("a"))

        async def tried() -> bool | None:
            return True if receiver.refused >= 2 else None

        await poll(tried)
        await line.post(fact("b"))
        receiver.is_down = False
        await line.told(2)
    assert [got.runs for got in receiver.taken] == [["a"], ["b"]]


async def test_message_whose_answer_is_lost_comes_again_with_its_id(
    stack: Stack, receiver: HookReceiver
) -> None:
    """At least once, and recognisable."""
    stack.notifier_policy = QUICK
    receiver.loses_answers = True
    line = Line(stack, hook(stack, receiver))
    async with stack.worker():
        await line.post(fact("a"))
        await asyncio.to_thread(receiver.came.wait, 20)
        receiver.loses_answers = False
        await line.told(1)
    assert len(receiver.taken) >= 2
    assert len({got.id for got in receiver.taken}) == 1
    assert len({got.raw for got in receiver.taken}) == 1


async def test_channel_that_refuses_for_good_is_shown_and_tried_again_after_a_pause(
    stack: Stack, receiver: HookReceiver
) -> None:
    """Nothing is lost meanwhile, and no part of a secret is shown."""
    stack.notifier_policy = QUICK.model_copy(update={"pause_seconds": 1.0})
    receiver.status, receiver.text = 404, "no_service"
    line = Line(stack, slack(stack.folder, receiver))
    async with stack.worker():
        await line.post(fact("a"))
        state = await line.in_trouble()
        assert state.trouble is not None
        assert "answered 404: no_service" in state.trouble.reason
        shown = await details_of(line.handle)
        assert "takes nothing" in shown
        assert "404" in shown
        receiver.status = 200
        state = await line.told(1)
        history = await line.handle.fetch_history()
    assert state.trouble is None
    assert "hidden-part" not in history.to_json()
    assert SECRET not in history.to_json()


async def test_notifier_carries_everything_across_continue_as_new(
    stack: Stack, receiver: HookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known fact is known afterwards, and what waited is told."""
    stack.notifier_policy = QUICK.model_copy(update={"group_seconds": 2.0})
    line = Line(stack, hook(stack, receiver))
    async with stack.worker():
        await line.post(fact("a"))
        first = (await line.handle.describe()).run_id
        with monkeypatch.context() as patch:
            patch.setattr(
                "workflows.notifier.NotifierWorkflow._should_continue",
                continues_only(first),
            )
            await line.post(fact("b"))
            await line.post(fact("a"))
            await line.told(2)
        assert (await line.handle.describe()).run_id != first
    assert [got.runs for got in receiver.taken] == [["a", "b"]]


async def test_notifier_without_news_ends_and_the_next_fact_starts_another(
    stack: Stack, receiver: HookReceiver
) -> None:
    """Channels that nobody names any more leave nothing behind."""
    stack.notifier_policy = QUICK.model_copy(update={"idle_seconds": 0.2})
    line = Line(stack, hook(stack, receiver))
    async with stack.worker():
        await line.post(fact("a"))
        await line.handle.result()
        await line.post(fact("b"))
        await line.handle.result()
    assert [got.runs for got in receiver.taken] == [["a"], ["b"]]
    assert len({got.id for got in receiver.taken}) == 2


async def test_request_to_cancel_a_notifier_loses_nothing(
    stack: Stack, receiver: HookReceiver
) -> None:
    """It is ignored, and shown."""
    stack.notifier_policy = QUICK
    line = Line(stack, hook(stack, receiver))
    async with stack.worker():
        await line.post(fact("a"))
        await line.handle.cancel()
        await line.post(fact("b"))
        await line.told(2)
        assert "a request to cancel is ignored" in await details_of(line.handle)
    assert sum(got.total for got in receiver.taken) == 2


def test_patience_of_posting_and_sending_fits_together() -> None:
    """What tries has time for more than one attempt, and a run is not kept."""
    assert 2 * notify_options.POST_TIMEOUT < notify_options.POST_PATIENCE
    assert 2 * notify_options.SEND_TIMEOUT < notify_options.SEND_PATIENCE


def continues_only(run_id: str) -> Callable[[object], bool]:
    """As if the server suggested it to one execution, from its second workflow task on."""

    def should(_self: object) -> bool:
        info = workflow.info()
        # By the history alone, so that a replay comes to the same.
        return info.run_id == run_id and info.get_current_history_length() > BEGINNING

    return should
