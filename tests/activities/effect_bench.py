"""One call of a tool as Temporal and its run would see it through, in process and without a server.

Every write to the store, and the effect itself, is a failpoint: the attempt dies there, or is
taken for dead while it goes on a little later.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.documents import put_record, put_spec
from activities.stores.base import ObjectMissingError
from activities.tool_running import ToolRunningActivities
from activities.toolbox import Toolbox
from rota.admission import RunRef
from rota.agent_spec import AgentSpec
from rota.conversation import Message, StopReason, ToolCall
from rota.effect_rules import too_early
from rota.effects import EffectResolution, UnknownEffect
from rota.loop import ResultRef
from rota.model import digest_of
from rota.pinned_spec import PinnedSpec
from rota.steps import ToolInput
from rota.tools import Effect, Reconciled, ToolContext, ToolDefinition, tool
from rota.transcript import RunContext, TranscriptNode
from rota.usage import Usage

T = TypeVar("T")
NIGHT = datetime(2026, 11, 22, 3, tzinfo=UTC)
ATTEMPTS = 3
LIMIT = timedelta(seconds=20)
KEY = "k" * 64
ARGUMENTS = {"amount": 12}


class Killed(BaseException):
    """`kill -9` of the worker at a failpoint."""


@dataclass
class Faults:
    """Decides at each failpoint what becomes of the attempt there."""

    chance: random.Random
    deaths: int
    """How many attempts may still die."""
    late: list[asyncio.Event] = field(default_factory=list[asyncio.Event])
    """Attempts that are taken for dead, and go on when told."""
    until: datetime | None = None
    """When the first of them is over: none goes on for longer than it may."""
    now: Callable[[], datetime] = lambda: NIGHT
    met: list[str] = field(default_factory=list[str])

    async def point(self, where: str, halted: Callable[[], None]) -> None:
        """Go on, die, or stand still for longer than anybody waits."""
        if self.deaths <= 0 or self.chance.random() > 0.2:
            return
        self.deaths -= 1
        self.met.append(where)
        if self.chance.random() < 0.3:
            gate = asyncio.Event()
            self.late.append(gate)
            self.until = self.until or self.now() + LIMIT
            halted()
            await gate.wait()
        else:
            raise Killed(where)


@dataclass
class MemoryStore:
    """A store in memory, each of whose writes of a ref is two failpoints."""

    faults: Faults
    halted: Callable[[], None] = lambda: None
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    refs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    address: str = "memory"

    async def put(self, data: bytes) -> str:
        """Keep an object."""
        self.objects[digest_of(data)] = data
        return digest_of(data)

    async def get(self, digest: str) -> bytes:
        """Read an object."""
        if digest not in self.objects:
            raise ObjectMissingError(digest)
        return self.objects[digest]

    async def set_ref(self, name: str, value: bytes, *, if_absent: bool = False) -> bytes:
        """Set a ref, perhaps to die before or after."""
        halted = self.halted
        await self.faults.point(f"before {name.split('/')[0]}", halted)
        if if_absent:
            value = self.refs.setdefault(name, value)
        self.refs[name] = value
        await self.faults.point(f"after {name.split('/')[0]}", halted)
        return value

    async def get_ref(self, name: str) -> bytes | None:
        """Read a ref."""
        return self.refs.get(name)

    async def delete_ref(self, name: str) -> None:
        """Forget a ref."""
        self.refs.pop(name, None)

    async def list_refs(self, prefix: str) -> list[str]:
        """Names below `prefix`."""
        return sorted(name for name in self.refs if name.startswith(f"{prefix}/"))


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
            await bench.faults.point("before the effect", bench.store.halted)
            keyed = bench.effect is Effect.IDEMPOTENT
            if not (keyed and context.idempotency_key in bench.booked):
                bench.booked.append(context.idempotency_key)
            await bench.faults.point("after the effect", bench.store.halted)
            return f"booked as {bench.booked.index(context.idempotency_key) + 1}"

        return post

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
