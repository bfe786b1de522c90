"""`kill -9` of the worker that serves a lock, in the middle of a full queue."""

import asyncio

from rota.coordination.locks import LockAnswer
from tests.processes.worker_process import kill, worker_process
from tests.stack import Stack
from tests.workflows.lock_bench import LockBench

RUNS = 8


async def test_lock_whose_worker_is_killed_loses_nobody_and_grants_nothing_twice(
    stack: Stack,
) -> None:
    """Whoever asked before gets the lock in order, once, and nobody beside the holder."""
    bench = LockBench(stack)
    async with bench.askers(), worker_process(stack) as first:
        askers = [await bench.come(f"r{number}") for number in range(RUNS)]
        answers: list[LockAnswer] = [await bench.ask(asker) for asker in askers]
        kill(first)
        async with worker_process(stack) as second:
            await bench.release(askers[0])
            granted = [answers[0], await askers[1].turn()]
            under_way = asyncio.create_task(bench.release(askers[1]))
            await asyncio.sleep(0)  # sent, and perhaps lost with the worker
            kill(second)
        async with worker_process(stack):
            await under_way
            for number in range(2, RUNS):
                granted.append(await askers[number].turn())
                state = await bench.held_by(askers[number])
                assert state.lease is not None
                assert state.lease.fence == state.fence == number + 1
                await bench.release(askers[number])
            told = [len(await asker.told()) for asker in askers]
            state = await bench.state()
    assert [answer.run for answer in granted] == [asker.run for asker in askers]
    assert [answer.fence for answer in granted] == list(range(1, RUNS + 1))
    assert told == [0] + [1] * (RUNS - 1)
    assert (state.lease, state.queue, state.expired) == (None, (), 0)
