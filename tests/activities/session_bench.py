"""The steps with a provider's session, one attempt at a time, without a server."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.breaker_gate import BreakerGate
from activities.documents import put_record, put_spec
from activities.paid_calls import unanswered_attempts
from activities.sessions.running import SessionRunningActivities
from activities.stores.base import ObjectStore
from activities.stores.open import open_store
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.failures import FailureCategory, StepError
from rota.keepers.admission import RunRef
from rota.pinned_spec import PinnedSpec
from rota.runtimes.session import ProviderSession
from rota.steps import AnswerInput, Observed, SessionInput, SessionStarted, SessionStopped
from rota.turns.transcript import RunContext
from tests.activities.breaker_desk import Desk
from tests.contract.double import install
from tests.contract.double_provider import Ends, FakeProvider

RUN = RunRef(id="agent-1", key="run-1")


class Bench:
    """The activities over a store, a provider and one run of an agent."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.store: ObjectStore = open_store(str(folder / "store"))
        self.provider = FakeProvider(acts=[Ends("Done.")])
        self.beats: list[tuple[Any, ...]] = []
        self.silence: timedelta | None = None
        """Heartbeat timeout of the steps."""
        self.desk = Desk()
        self.gate = BreakerGate(self.desk)
        self._context = ""

    async def open(
        self,
        runtime: dict[str, Any] | None = None,
        approvals: dict[str, Any] | None = None,
        **taken: Any,
    ) -> None:
        """Declare the agent, with a runtime less able by `taken`, and write the run's context."""
        self.runtimes = install(self.monkeypatch, self.provider, **taken)
        block = {"kind": "double", "poll": "10ms", **(runtime or {})}
        declared = {"name": "agent", "runtime": block, "approvals": approvals or {}}
        spec = AgentSpec.model_validate(declared)
        await put_spec(self.store, spec)
        context = RunContext(run_id=RUN.id, run_key=RUN.key, spec=PinnedSpec.of(spec))
        self._context = await put_record(self.store, context)

    @property
    def activities(self) -> SessionRunningActivities:
        """As one worker has them."""
        toolbox = Toolbox(self.folder, {})
        return SessionRunningActivities(self.store, self.runtimes, toolbox, self.gate)

    def input(self, **fields: Any) -> dict[str, Any]:
        """What a step is told."""
        common = {"agent": "agent", "run": RUN, "context": self._context, "turn": 1}
        return {**common, "attempts": 3, **fields}

    def environment(self, attempt: int = 1, details: tuple[Any, ...] = ()) -> ActivityEnvironment:
        """One attempt at a step."""
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info,
            attempt=attempt,
            heartbeat_details=list(details),
            heartbeat_timeout=self.silence,
        )
        environment.on_heartbeat = lambda *sent: self.beats.append(sent)
        return environment

    async def submit(self, attempt: int = 1) -> ProviderSession:
        """One attempt at starting."""
        step = self.activities.submit_session
        input = SessionInput.model_validate(self.input())
        started: SessionStarted = await self.environment(attempt).run(step, input)
        return started.session

    async def observe(
        self, attempt: int = 1, details: tuple[Any, ...] = (), **fields: Any
    ) -> Observed:
        """One attempt at a look."""
        session = ProviderSession(kind="double", id="s1")
        input = SessionInput.model_validate(self.input(session=session, **fields))
        step = self.activities.observe_session
        return await self.environment(attempt, details).run(step, input)

    async def answer(self, attempt: int = 1, **fields: Any) -> ProviderSession:
        """One attempt at telling something."""
        session = ProviderSession(kind="double", id="s1", told=fields.pop("told", True))
        input = AnswerInput.model_validate(self.input(session=session, **fields))
        step = self.activities.answer_session
        started: SessionStarted = await self.environment(attempt).run(step, input)
        return started.session

    async def cancel(self, **fields: Any) -> SessionStopped:
        """One attempt at stopping."""
        input = SessionInput.model_validate(self.input(**fields))
        return await self.environment().run(self.activities.cancel_session, input)

    async def unknown(self) -> int:
        """Attempts at the first turn that may be billed."""
        return (await unanswered_attempts(self.store, RUN, 1)).unknown_attempts


def fault(category: FailureCategory, *, billed: bool) -> Any:
    """Raises that failure when it is called."""

    def fail() -> None:
        raise StepError(category, "the connection broke", maybe_billed=billed)

    return fail


async def failed(step: Any) -> ApplicationError:
    """How a step failed."""
    with pytest.raises(ApplicationError) as caught:
        await step
    return caught.value


LOST = fault(FailureCategory.TIMEOUT, billed=True)
