"""A worker that dies between sending a message and recording it: it is sent again, as it was."""

import asyncio

from tests.fakes.hook_receiver import HookReceiver
from tests.processes.worker_process import worker_process
from tests.rota.notices.notice_desk import fact
from tests.stack import Stack
from tests.workflows.notified import QUICK, SECRET, Line, hook


async def test_message_that_a_dead_worker_had_sent_comes_again_with_its_id(stack: Stack) -> None:
    """At least once: a receiver that remembers ids takes it once. What followed is told, too."""
    stack.notifier_policy = QUICK
    with HookReceiver() as receiver:
        line = Line(stack, hook(stack, receiver))
        async with worker_process(stack, ("tests.processes.dying_notifier",)) as dying:
            await line.post(fact("a"), fact("b"))
            assert await asyncio.to_thread(dying.wait, 30) == 137
            await line.post(fact("b"), fact("c"))
        async with worker_process(stack):
            state = await line.told(3)
    first, second, third = receiver.taken
    assert (first.id, first.raw) == (second.id, second.raw)
    assert first.id != third.id
    assert [got.runs for got in receiver.taken] == [["a", "b"], ["a", "b"], ["c"]]
    assert all(got.is_signed_with(SECRET) for got in receiver.taken)
    assert (state.facts, state.messages) == (3, 2)
