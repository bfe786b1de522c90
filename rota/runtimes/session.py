"""The seam of runtimes that work by themselves: submit, observe, answer, collect, cancel.

A provider's *session* here is one conversation on its side (a Managed Agents session, a
Cursor agent, an n8n execution, a local process), not Rota's session of state across runs:
so its records say `ProviderSession`.

What such a runtime says comes back in the words of `rota.conversation`. The transcript has
one node per stop: what it was told, what it said since, the tool calls it asks for.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from pydantic import Field

from rota.approvals.requests import ApprovalRequest
from rota.conversation import Message, StopReason, ToolResult, ToolSchema
from rota.model import Record
from rota.usage import Usage


class ProviderSession(Record):
    """Where the work happens: the provider's own names for it. In history before any wait."""

    kind: str
    """Kind of the runtime."""
    id: str
    """The provider's id, or the one Rota derived where the provider takes ours."""
    url: str = ""
    """Where people look at it."""
    data: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Small further names (a run within an agent, a region); no secrets, under 1 KiB."""
    told: bool = True
    """False: it exists but does not know its task, and spends nothing; `answer` tells it. So
    a crash between creating and telling costs nothing."""
    base: Usage = Usage()
    """What it had used before this run, if it was continued."""


class SessionRequest(Record):
    """Everything a session runtime needs to begin."""

    settings: dict[str, Any]
    """The agent's `runtime` block as declared, `kind` included."""
    key: str
    """Idempotency key, 64 hexadecimal digits: the same for every attempt of this start, and
    for no other."""
    agent: str
    run_id: str
    """Workflow id of the run."""
    run_key: str
    """`RunRef.key`: what the run leaves in the store is named by it."""
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    """What to write on the session where the provider has room: `rota_key` (the key above),
    `rota_run`, `rota_agent`, `rota_slot`."""
    system: str
    """Instructions and the rules of the house."""
    opening: Message
    """The task: slot, input and memory, in words."""
    context: dict[str, Any] = Field(default_factory=dict[str, Any])
    """`input`, `memory`, `covers`, `slot`, `run` for runtimes that map fields instead."""
    tools: tuple[ToolSchema, ...] = ()
    output_schema: dict[str, Any] | None = None
    previous: ProviderSession | None = None
    """`session.continue: same`: go on with this one. Only where the kind can `converse`."""
    cap_micros: int | None = None
    """The run's cap on cost in micro-dollars, for providers that enforce one."""
    deadline: datetime | None = None
    """When the run must have ended."""
    fleet: str = ""
    """Folder of the fleet on this worker, for runtimes that work there."""
    resumed: "Resumed | None" = None
    """Given to `observe` alone, once the session was answered; None before."""

    @property
    def inbox(self) -> str:
        """Where an answer that the provider posts is kept."""
        return f"{self.run_key}/{self.key}"


class SessionState(StrEnum):
    """Why observing stopped."""

    ENDED = "ended"
    """It has done what it will do, well or not: collect."""
    TOOLS = "tools"
    """It waits for results of the tool calls in `Observation.message`."""
    PERSON = "person"
    """It waits for a person, on its own side. Observed again, it is watched through the wait:
    the first `report` with another cursor says that the wait is over."""
    CAPPED = "capped"
    """It has stopped at the cap it was given (`SessionRequest.cap_micros`). Told that there is
    more (`Told.more`), it goes on with what the request has then."""
    QUESTION = "question"
    """It asks for a decision that Rota may answer: `Observation.questions`."""


class Asked(Record):
    """A decision the provider waits for, such as whether one of its own tools may run."""

    id: str
    """The provider's id of it."""
    text: str
    """For people, one line: what is asked."""
    data: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The exact request, small. `tool`, the name of a tool at the provider, lets the agent's
    `approvals` decide, over `args`, its arguments: these may be long, and do not travel."""
    allowed: bool = False
    """Filled in by Rota: the agent's `approvals` say that nobody needs to be asked."""
    approval: ApprovalRequest | None = None
    """Filled in by Rota: the agent's `approvals` say that a person decides."""


class Collected(Record):
    """The final answer."""

    message: Message
    """The answer; its text is the result (JSON where a schema is declared)."""
    stop: StopReason
    """Only `end_turn` can lead to success."""
    usage: Usage | None = None
    """All that the session has used since it exists, `cost_micros` None unless the provider
    tells; None if it never tells."""
    model: str = ""
    """The model that answered, as the provider names it; empty if it does not tell."""
    links: dict[str, str] = Field(default_factory=dict[str, str])
    """What it left behind: `branch`, `pull_request`, `execution`."""


class Observation(Record):
    """What a session came to since the cursor."""

    state: SessionState
    message: Message
    """What it said since: texts, and tool calls with `TOOLS`. Names as Rota has them."""
    cursor: str = ""
    """Where the next look begins. Opaque to Rota, under 1 KiB."""
    usage: Usage | None = None
    """All it has used since it exists, `cost_micros` None unless the provider tells; None if
    it does not tell before the end."""
    model: str = ""
    """The model that `usage` is of, as in `Collected`."""
    waiting: str = ""
    """With `PERSON`: whom or what it waits for, one line."""
    questions: tuple[Asked, ...] = ()
    final: Collected | None = None
    """With `ENDED`: the answer, if the provider gives it once only, or gave it with this look.
    Else it is collected."""


class Told(Record):
    """What a session is told when it has stopped: one of these."""

    message: Message | None = None
    """Words: the task, if the session was not told yet, or what to mend."""
    results: tuple[ToolResult, ...] = ()
    """Of all tool calls it waits for."""
    decisions: dict[str, str] = Field(default_factory=dict[str, str])
    """By `Asked.id`: empty allows, anything else denies and is the reason."""
    more: bool = False
    """It has stopped at its cap, and may spend `SessionRequest.cap_micros` from here on; beside
    `message`, which says so."""


class Resumed(Record):
    """The newest stop of a session and the answer to it.

    For providers whose only call answers with the result: there `answer` makes no call, and
    `observe` makes it with these.
    """

    said: Message
    """`Observation.message` of the stop: the tool calls, and the provider's own blocks."""
    told: Told


class Stopped(Record):
    """What became of a request to stop."""

    confirmed: bool
    """The provider says that it no longer works, or that it is not there."""
    text: str
    """What was seen, one line."""
    usage: Usage | None = None
    """As in `Collected`, if it tells."""


Report = Callable[[str, str], None]
"""`report(cursor, text)`: progress was made; what a later attempt resumes from, and what people
read. Safe to call as often as one likes. Inactivity is counted from the last call."""


class SessionRuntime(Protocol):
    """Where the thinking happens, for runtimes that work by themselves.

    Every method makes as few requests as it can and never retries what may have had an
    effect: retries belong to Temporal. All raise `rota.failures.StepError`, classified,
    `retry_after` set if the provider named one. A session that is gone (404, expired) is
    `outcome_unknown`, never a fresh start. `settings` is the runtime block as declared.
    """

    async def submit(self, request: SessionRequest) -> ProviderSession:
        """Start, or name, the session, without waiting for the work.

        Called once, unless the kind's start is idempotent or `find` has found nothing.

        A provider whose only call answers with the result itself gets no call here: the
        session's id is derived from `request.key`, and `observe` makes the call; the
        settings say so by `is_one_call`. What that
        needs of the request comes again in `observe`; so does what `answer` was told, as
        `request.resumed`.
        """
        ...

    async def find(self, request: SessionRequest) -> ProviderSession | None:
        """Look for the session that an earlier attempt at this start may have made.

        Only called where the kind can `find`.
        """
        ...

    async def observe(
        self, session: ProviderSession, request: SessionRequest, cursor: str, report: Report
    ) -> Observation:
        """Watch until it ends or needs something; resumed from `cursor` by later attempts.

        Polls with pauses from `settings.poll`, honours retry-after, and outlives passing
        failures of single looks. Being cancelled stops the watching, not the session.
        """
        ...

    async def answer(
        self, session: ProviderSession, request: SessionRequest, told: Told, again: bool
    ) -> ProviderSession:
        """Tell it something; returns the session, `told` set.

        Args:
            session: the session.
            request: what it was started with.
            told: what it is told.
            again: an earlier attempt may have told it: look first, and tell nothing twice.
        """
        ...

    async def collect(
        self, session: ProviderSession, request: SessionRequest, cursor: str
    ) -> Collected:
        """Read the result of a session that has ended. Changes nothing; safe to repeat."""
        ...

    async def cancel(self, session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        """Ask it to stop and look whether it has. Safe to repeat.

        A session that has ended or is gone is confirmed.
        """
        ...


@runtime_checkable
class EndsWithCall(Protocol):
    """A session runtime whose only call is the work, and which nobody else can be asked about.

    The worker that makes the call alone knows of its end. What it knows is put on record, for
    the worker that is asked to stop the session.
    """

    def call_has_ended(self, session: ProviderSession) -> bool:
        """Whether the newest call that was made here has ended, so that nothing of it works.

        False also if none was made here.
        """
        ...
