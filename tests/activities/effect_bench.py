"""One call of a tool as Temporal and its run would see it through, in process and without a server.

Every write to the store, and the effect itself, is a failpoint: the attempt dies there, or is
taken for dead while it goes on a little later.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.documents import get_context, get_node, get_results, put_record, put_spec
from activities.tool_running import ToolRunningActivities
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.conversation import Message, StopReason, ToolCall
from rota.effects.records import EffectResolution, UnknownEffect
from rota.effects.rules import too_early
from rota.keepers.admission import RunRef
from rota.pinned_spec import PinnedSpec
from rota.steps import ToolInput
from rota.tools import Effect, Reconciled, ToolContext, ToolDefinition, ToolError, tool
from rota.turns.calls import ResultRef
from rota.turns.transcript import RunContext, TranscriptNode, keyed
from rota.usage import Usage
from tests.activities.effect_faults import LIMIT, NIGHT, Faults, Killed, MemoryStore

T = TypeVar("T")
ATTEMPTS = 3
KEY = "k" * 64
ARGUMENTS = {"amount": 12}


@dataclass
class Bench:
    """A service that books whatever arrives, a tool that calls it, and those who look."""

    effect: Effect
    reconciles: bool
    faults: Faults
    now: datetime = NIGHT
    booked: list[str] = field(default_factory=list[str])
    """Keys in the order of their bookings."""
    calls: int = 0
    resolved: int = 0
    """How often a person had to say."""
    breaks: int = 0
    """How often the line breaks once it is booked."""
    refuses: int = 0
    """How often it says no after that."""

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.faults)
        self.faults.now = lambda: self.now
        toolbox = Toolbox(Path(), {"books.post": self._tool()})
        self.activities = ToolRunningActivities(self.store, toolbox, lambda: self.now)

    def _tool(self) -> ToolDefinition:
        bench = self

        async def look(context: ToolContext, amount: int) -> Reconciled:
            number = bench.booked.index(KEY) + 1 if KEY in bench.booked else None
            if number is None:
                return Reconciled(False)
            return Reconciled(True, f"booked as {number}")

        @tool(
            name="books.post",
            effect=self.effect,
            timeout=LIMIT,
            reconcile=look if self.reconciles else None,
        )
        async def post(context: ToolContext, amount: int) -> str:
            """Book."""
            bench.calls += 1
            if bench.refuses and not bench.breaks:
                bench.refuses -= 1
                raise ToolError("the period is closed")
            await bench.faults.point("before the effect", bench.store.halted)
            keyed = bench.effect is Effect.IDEMPOTENT
            if not (keyed and context.idempotency_key in bench.booked):
                bench.booked.append(context.idempotency_key)
            await bench.faults.point("after the effect", bench.store.halted)
            if bench.breaks:
                bench.breaks -= 1
                raise ConnectionError("the line is lost")
            return f"booked as {bench.booked.index(context.idempotency_key) + 1}"

        return post

    async def again(self, input: ToolInput, result: ResultRef) -> ToolInput:
        """The model reads `result`, and makes exactly the same call again."""
        assert input.head is not None
        before = await get_node(self.store, input.head)
        read = await get_results(self.store, input.head, (result,))
        said = (before.reply, Message(role="user", content=read))
        call = before.reply.tool_calls[0].model_copy(update={"id": "2", "key": ""})
        reply = Message(role="assistant", content=(call,))
        context = await get_context(self.store, input.context)
        node = before.model_copy(update={"turn": 2, "reply": keyed(reply, context, said)})
        return input.model_copy(update={"head": await self.store.put(node.encode())})

    async def attempts(self, input: ToolInput) -> ResultRef:
        """All attempts of one step, which gives a result in the end."""
        result = await self._step(input, self.activities.run_tool)
        assert result is not None
        return result

    async def input(self, run: str) -> ToolInput:
        """What the step of a run for the slot is told; the same call each time."""
        spec = AgentSpec.model_validate(
            {"name": "poster", "runtime": {"kind": "scripted"}, "tools": ["books.post"]}
        )
        await put_spec(self.store, spec)
        ref = RunRef(id=run, key=f"{run}-key")
        pinned = PinnedSpec.of(spec, fleet="test")
        context = RunContext(run_id=ref.id, run_key=ref.key, spec=pinned)
        digest = await put_record(self.store, context)
        call = ToolCall(id="1", name="books.post", args=ARGUMENTS, key=KEY)
        node = TranscriptNode(
            context=digest,
            turn=1,
            added=(),
            reply=Message(role="assistant", content=(call,)),
            stop=StopReason.TOOL_CALLS,
            usage=Usage(),
            model="script",
        )
        head = await self.store.put(node.encode())
        return ToolInput(
            agent="poster", run=ref, context=digest, head=head, index=0, attempts=ATTEMPTS
        )

    async def run(self, name: str, *, gives_up: bool = False) -> str | None:
        """See the call through; None if the run ends without knowing."""
        input = await self.input(name)
        while True:
            result = await self._step(input, self.activities.run_tool)
            if result is None:
                looked = await self._step(input, self.activities.look_at_effect)
                result = looked.result if looked is not None else None
            if result is None:
                return None
            if result.unknown is None:
                assert not result.is_error, await self.text(result)
                return await self.text(result)
            if gives_up:
                return None
            input = input.model_copy(update=await self._settle(result.unknown))

    async def _settle(self, unknown: UnknownEffect) -> dict[str, Any]:
        if unknown.look_at is not None:
            await self._pass_to(unknown.look_at)
            return {"resolution": None, "resolves": 0}
        while True:
            happened = KEY in self.booked
            said = EffectResolution(effect=unknown.id, happened=happened, by="ann")
            if not too_early(said, unknown.busy_until, self.now):
                break
            assert unknown.busy_until is not None
            await self._pass_to(unknown.busy_until)
        self.resolved += 1
        return {"resolution": said, "resolves": unknown.version}

    async def _pass_to(self, at: datetime) -> None:
        """Whoever is late goes on before his time is up."""
        await self.release()
        self.now = max(self.now, at) + timedelta(milliseconds=1)

    async def _pass(self, time: timedelta) -> None:
        if self.faults.until is not None and self.now + time >= self.faults.until:
            await self.release()
        self.now += time

    async def release(self) -> None:
        """Let all go on that were taken for dead, and await their ends."""
        while self.faults.late:
            self.faults.late.pop(0).set()
            self.faults.until = None
            await asyncio.sleep(0)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            waiting = [task for task in others if task.get_name() == "attempt"]
            for _ in range(50):
                await asyncio.sleep(0)
                if all(task.done() for task in waiting) or self.faults.late:
                    break

    async def _step(
        self, input: ToolInput, work: Callable[[ToolInput], Coroutine[Any, Any, T]]
    ) -> T | None:
        """One activity with its attempts; None if all are lost."""
        for attempt in range(1, ATTEMPTS + 1):
            halted = asyncio.Event()
            self.store.halted = halted.set
            environment = ActivityEnvironment()
            environment.info = replace(environment.info, attempt=attempt)
            task = asyncio.create_task(environment.run(work, input), name="attempt")
            gone = asyncio.create_task(halted.wait())
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not task.done():
                task.add_done_callback(_heard)
            await self._pass(timedelta(seconds=4))
            if halted.is_set():
                continue
            error = task.exception()
            if error is None:
                return task.result()
            assert isinstance(error, Killed) or _is_retryable(error), error
        return None

    async def text(self, result: ResultRef) -> str:
        """The result as the model reads it."""
        return (await self.store.get(result.digest)).decode()


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, ApplicationError) and not error.non_retryable


def _heard(task: "asyncio.Task[Any]") -> None:
    """Nobody waits for a late attempt's end; its death is no news."""
    if not task.cancelled():
        task.exception()
