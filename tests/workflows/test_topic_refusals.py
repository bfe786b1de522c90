"""What is no event, or no topic, is told apart and said; the topic serves on."""

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from rota.ids import keeper_queue
from rota.topics.topic import PAYLOAD_LIMIT
from tests.stack import Stack
from tests.workflows.topics import Topic


@pytest.mark.parametrize(
    ("signal", "arguments", "reason"),
    [
        ("publish", [{"amount": 3}], "amount: Extra inputs are not permitted"),
        ("publish", [None], "Input should be"),
        ("publish", [[1, 2]], "Input should be"),
        ("publish", [{"payload": "x" * PAYLOAD_LIMIT}], "the most is 262144"),
        ("publish", [{"payload_digest": "../secret"}], "payload_digest: String should match"),
        ("publish", [], "publish takes 1 JSON argument, not 0"),
        ("publish", [{}, {}], "publish takes 1 JSON argument, not 2"),
        ("publsih", [{}], "there is no signal 'publsih'"),
    ],
)
async def test_signal_that_is_no_event_becomes_a_dead_letter(
    stack: Stack, signal: str, arguments: list[Any], reason: str
) -> None:
    """Nothing is lost without a word, and the topic serves on."""
    topic = Topic(stack, "closed")
    async with stack.worker():
        await topic.subscribe(stack.name("settlement"))
        await topic.handle.signal(signal, args=arguments)
        receipt = await topic.publish()
        (letter,) = await topic.dead()
    assert receipt.sequence == 1
    assert (letter.subscriber, letter.sequence) == ("", 0)
    assert reason in letter.reason


async def test_update_that_is_no_event_gets_a_receipt_that_says_so(stack: Stack) -> None:
    """A client that wants to know is told, in the words of the dead letter."""
    topic = Topic(stack, "closed")
    async with stack.worker():
        await topic.subscribe(stack.name("settlement"))
        receipt = await topic.publish(id="x", amount=3)
        (letter,) = await topic.dead()
    assert receipt.sequence == 0
    assert "amount: Extra inputs are not permitted" in receipt.refused == letter.reason


async def test_topic_started_under_an_id_that_is_none_fails_with_a_line(stack: Stack) -> None:
    """A typo of an operator does not leave a topic that nobody can reach."""
    async with stack.worker():
        handle = await stack.client.start_workflow(
            "Topic", id=stack.name("Topic"), task_queue=keeper_queue(stack.task_queue)
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert "write topic:<event>" in caught.value.cause.message
