"""Agents that work together, as one play in six acts, and what must be true of each.

Every act declares its agents, starts its runs, waits until all have ended, and audits what
was done against what Temporal, the keepers and the tools' diary say. Whatever happens to
workers and keepers meanwhile must not show. Each act returns the workflow ids of those that
had most to remember.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from rota.coordination.locks import LockState
from rota.ids import backfill_run_id, event_run_id, keeper_id, lock_id, rerun_run_id
from rota.keepers.run_orders import Backfill
from rota.keepers.state import KeeperState
from rota.runs import AgentRunResult, RunStatus
from rota.topics.topic import TopicState
from tests.coordination_tools import Note, read_diary
from tests.pipelines import declare_pipeline, run_pipeline
from tests.stack import Stack, script
from tests.workflows.gates import poll
from tests.workflows.topics import Topic
from workers.cli.standing import UNANSWERED

T = TypeVar("T")
PATIENCE = 90.0
SLOT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
TRIGGERS, HOLDERS, SLOTS, COPIES, WAITERS = 20, 10, 12, 10, 4
EDGES: dict[str, list[str]] = {
    "start": [],
    "north": ["start"],
    "south": ["start"],
    "east": ["start"],
    "west": ["start"],
    "report": ["north", "south"],
    "ledger": ["east", "west"],
    "audit": ["ledger"],
    "join": ["report", "audit"],
    "mail": ["join"],
    "post": ["join"],
    "close": ["mail", "post"],
}
"""A diamond of diamonds; the report breaks in its first run."""


class Play:
    """The acts, on one stack."""

    def __init__(self, stack: Stack, seconds: float) -> None:
        self.stack = stack
        self.seconds = seconds
        """How long each run works."""

    async def pipeline(self) -> list[str]:
        """Twelve nodes, one of which is run again for the one that waits for it."""
        stack, name, agent = self.stack, self.stack.name("month"), self.stack.name("node")
        await self._declare(agent)
        nodes = {node: self._node(node, agent, ups) for node, ups in EDGES.items()}
        nodes["report"]["input"]["fails"] = "#2"
        nodes["join"]["on_failure"] = {"rerun_upstream": 1}
        await declare_pipeline(stack, name, nodes=nodes)
        result = await run_pipeline(stack, name, f"{name}-1", slot=SLOT.isoformat())
        assert result.status is RunStatus.SUCCEEDED, result
        assert set(result.nodes) == set(EDGES), "the result lists every node"
        assert {end.status for end in result.nodes.values()} == {RunStatus.SUCCEEDED}
        attempts = {node: end.attempts for node, end in result.nodes.items()}
        assert attempts == dict.fromkeys(EDGES, 1) | {"report": 2}
        times = {node: await self._times(end.run_id) for node, end in result.nodes.items()}
        for node, ups in EDGES.items():
            for up in ups:
                assert times[up][1] <= times[node][0], f"I6: {node} began before {up} ended"
        await self._audit_ledger(agent, len(EDGES) + 1, failed=1)
        await self._audit_ledger(name, 1)
        self._audit_effects(agent, list(EDGES))
        return [keeper_id(agent), f"{name}-1"]

    async def key(self) -> list[str]:
        """Twenty triggers of one key: one run, twenty equal answers."""
        name = self.stack.name("review")
        await self._declare(name, dedupe="{input.sha}", input={"sha": "a1", "part": "a1"})
        results = await self._run(name, TRIGGERS)
        worked = [result for result in results if result.status is RunStatus.SUCCEEDED]
        assert len(worked) == 1, "one run of a key"
        assert [result.output for result in results] == ["a1 done"] * TRIGGERS
        state = await self._audit_ledger(name, TRIGGERS, skipped=TRIGGERS - 1)
        assert not state.outcomes
        assert all(not key.waiters for key in state.keys.values())
        self._audit_effects(name, ["a1"])
        assert {note.run for note in self._notes(name)} == {worked[0].run_id}
        return [keeper_id(name)]

    async def lock(self) -> list[str]:
        """Ten runs under one lock: one after the other, each with a larger number."""
        name, lock = self.stack.name("poster"), self.stack.name("books")
        await self._declare(name, locks=[lock])
        results = await self._run(name, HOLDERS)
        assert {result.status for result in results} == {RunStatus.SUCCEEDED}
        await self._audit_ledger(name, HOLDERS)
        notes = self._notes(name)
        held: dict[int, list[Note]] = defaultdict(list)
        for note in notes:
            held[note.fences[lock]].append(note)
        assert len({note.key for note in notes}) == len(held) == HOLDERS
        before = 0.0
        for fence in sorted(held):
            run = {note.run for note in held[fence]}
            assert len(run) == 1, "a fencing number is one run's"
            assert min(note.at for note in held[fence]) >= before, "leases never overlap"
            before = max(note.at for note in held[fence])
        state = await self._asked(lock_id(lock), LockState, lambda _: True)
        assert (state.lease, state.queue, state.expired) == (None, (), 0)
        return [lock_id(lock)]

    async def backfill(self) -> list[str]:
        """Twelve slots, three at once, two of them done before."""
        name = self.stack.name("history")
        slots = [SLOT + timedelta(hours=number) for number in range(SLOTS)]
        await self._declare(name)
        for done in (slots[1], slots[7]):
            await self.stack.run(name, f"{name}-{done.hour}", slot=done.isoformat())
        request = {"id": "b1", "slots": slots, "max_parallel": 3}
        keeper = self.stack.client.get_workflow_handle(keeper_id(name))
        await keeper.execute_update("backfill", request, result_type=Backfill)
        state = await self._until(name, lambda s: s.backfills[-1].done == SLOTS and not s.orders)
        newest = state.backfills[-1]
        assert (newest.succeeded, newest.failed, newest.skipped) == (SLOTS - 2, 0, 2)
        await self._audit_ledger(name, SLOTS, kept=True)
        done = defaultdict[str, set[str]](set)
        for note in self._notes(name):
            done[note.slot].add(note.key)
        assert sorted(done) == [slot.isoformat() for slot in slots]
        assert {len(keys) for keys in done.values()} == {1}, "one effect per slot"
        # An order is done once the ledger has its end; the run itself has a word left to say.
        await self._ended(backfill_run_id(name, slot) for slot in slots)
        return [keeper_id(name)]

    async def events(self) -> list[str]:
        """Ten copies of one event and three others: one run each."""
        name, topic = self.stack.name("settler"), Topic(self.stack, "closed")
        await self._declare(name)
        await topic.subscribe(name, input={"part": "{event.id}"})
        ids = [*["month-11"] * COPIES, "month-12", "month-13", "month-14"]
        receipts = await asyncio.gather(*(topic.publish(id=id) for id in ids))
        assert len({receipt.sequence for receipt in receipts}) == 4
        kinds = sorted({receipt.id for receipt in receipts})
        await self._until(name, lambda s: _closed(s) == len(kinds))
        state = await self._audit_ledger(name, len(kinds))
        runs = {entry.run.id for entry in state.ledger.values() if entry.run}
        assert runs == {event_run_id(name, kind) for kind in kinds}
        await self._ended(runs)
        self._audit_effects(name, kinds)
        book = await self._asked(topic.handle.id, TopicState, lambda _: True)
        assert (book.dead, book.pending) == ((), ())
        return [topic.handle.id]

    async def needs(self) -> list[str]:
        """Four runs need a slot that fails: one re-run serves them all, and only then they work."""
        upstream, name = self.stack.name("recon"), self.stack.name("escalation")
        failure = {"rerun": 1, "backoff": "1s"}
        need = {"agent": upstream, "deadline": "400d", "on_failure": failure}
        await self._declare(upstream, input={"part": "recon", "fails": "-rerun-"})
        await self._declare(name, needs=[need])
        first = await self.stack.start(upstream, f"{upstream}-1", slot=SLOT.isoformat())
        results = await self._run(name, WAITERS, slot=SLOT.isoformat())
        assert {result.status for result in results} == {RunStatus.SUCCEEDED}
        assert await _failed(first)
        await self._ended([rerun_run_id(upstream, SLOT, 1)])
        await self._audit_ledger(name, WAITERS)
        state = await self._audit_ledger(upstream, 2, failed=1)
        assert not state.watchers
        assert not state.orders
        (over,) = [note.at for note in self._last(upstream, "leave")]
        assert min(note.at for note in self._notes(name)) >= over, "I6: needs come first"
        self._audit_effects(upstream, ["recon"])
        return [keeper_id(upstream)]

    async def _declare(self, name: str, **declaration: Any) -> None:
        args = {
            "part": "{input.part|work}",
            "seconds": self.seconds,
            "fails": "{input.fails|}",
        }
        given = {
            "runtime": script(
                {"calls": [{"tool": "books.post", "args": args}]},
                # Without a value there is no answer, and the run fails.
                {"result": "{results.books_post.value}"},
            ),
            "tools": ["books.post"],
            "session": {"concurrency": "parallel"},
            "retry": {"attempts": 20, "backoff": "100ms"},
        }
        await self.stack.declare(name, **{**given, **declaration})

    def _node(self, node: str, agent: str, ups: list[str]) -> dict[str, Any]:
        return {"agent": agent, "after": ups, "input": {"part": node}}

    async def _run(self, name: str, count: int, **input: Any) -> list[AgentRunResult]:
        starting = [self.stack.start(name, f"{name}-n{n}", **input) for n in range(count)]
        runs = await asyncio.gather(*starting)
        async with asyncio.timeout(PATIENCE):
            return list(await asyncio.gather(*(run.result() for run in runs)))

    async def _ended(self, run_ids: Iterable[str]) -> None:
        """Wait for the ends of runs that succeed, or are skipped."""
        async with asyncio.timeout(PATIENCE):
            for run_id in run_ids:
                await self.stack.client.get_workflow_handle(run_id).result()

    async def _times(self, run_id: str) -> tuple[datetime, datetime]:
        described = await self.stack.client.get_workflow_handle(run_id).describe()
        assert described.close_time is not None, f"{run_id} has not ended"
        return described.start_time, described.close_time

    async def _until(self, name: str, seen: Callable[[KeeperState], bool]) -> KeeperState:
        return await self._asked(keeper_id(name), KeeperState, seen)

    async def _asked(self, id: str, kind: type[T], seen: Callable[[T], bool]) -> T:
        """Wait until a state looks as it should; nobody may be there to tell it for a while."""
        handle = self.stack.client.get_workflow_handle(id)

        async def ask() -> T | None:
            try:
                state = await handle.query("state", result_type=kind)
            except RPCError as error:
                if error.status not in UNANSWERED:
                    raise
                return None
            return state if seen(state) else None

        return await poll(ask, PATIENCE)

    async def _audit_ledger(
        self, name: str, runs: int, *, failed: int = 0, skipped: int = 0, kept: bool = False
    ) -> KeeperState:
        """One entry per run, every one closed, and nothing left to do for anybody."""
        state = await self._until(name, lambda _: True)
        entries = [entry for entry in state.ledger.values() if entry.run is not None]
        ids = [entry.run.id for entry in entries if entry.run]
        assert len(set(ids)) == len(ids), "one entry per run"
        assert all(entry.settled_at is not None for entry in entries), "every run has ended"
        counts = dict.fromkeys(RunStatus, 0)
        for entry in entries:
            counts[entry.status] += 1
        if kept:
            assert counts[RunStatus.SUCCEEDED] == runs
        else:
            assert len(entries) == runs
            assert counts[RunStatus.FAILED] == failed
            assert counts[RunStatus.SKIPPED] == skipped
            assert counts[RunStatus.SUCCEEDED] == runs - failed - skipped
        return state

    def _audit_effects(self, agent: str, parts: Iterable[str]) -> None:
        """One idempotency key for each part, however often its call was made."""
        keys = defaultdict[str, set[str]](set)
        for note in self._notes(agent):
            keys[note.part].add(note.key)
        assert {part: len(found) for part, found in keys.items()} == dict.fromkeys(parts, 1)

    def _notes(self, agent: str) -> list[Note]:
        return [note for note in read_diary(self.stack.folder) if note.agent == agent]

    def _last(self, agent: str, what: str) -> list[Note]:
        return [note for note in self._notes(agent) if note.what == what][-1:]


def _closed(state: KeeperState) -> int:
    return sum(entry.settled_at is not None for entry in state.ledger.values())


async def _failed(run: Any) -> bool:
    try:
        await run.result()
    except WorkflowFailureError:
        return True
    return False
