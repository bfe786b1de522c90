"""Every activity as the workflows see it: names, arguments, results. No code behind.

Workflows import this module and no other of `activities`, so they never load a provider
SDK. The names are persisted in histories: changing one breaks every open run, and a test
pins them. Implementations subclass these classes.
"""

from abc import ABC, abstractmethod

from temporalio import activity

from activities.judging import Checking as Checking
from activities.judging import GradingDesk as GradingDesk
from activities.judging import WhatIf as WhatIf
from rota import steps
from rota.approvals.requests import EditChecked
from rota.archive import ARCHIVE_RUNS, ArchiveOrder, ArchiveReport
from rota.budgets.reservations import Grant
from rota.coordination.handoff_steps import CloseHandoffInput, OpenedHandoff, OpenHandoffInput
from rota.coordination.locks import LockAnswer
from rota.coordination.upstream import NeedAnswer
from rota.effects.steps import EffectLook, NoteEffectInput
from rota.keepers.admission import Admitted, RunRef, Settled
from rota.notices.facts import PostInput, SendInput, Sent
from rota.pipelines import steps as nodes
from rota.run_ref import ClosedRun, Suspects
from rota.turns.calls import ResultRef
from rota.turns.loop import TurnOutcome
from rota.usage import RunUse
from rota.watchdog.looks import Beat, Listed, ListOrder, Looked, LookOrder


class RunDesk(ABC):
    """Short look-ups around a run; safe as local activities."""

    @abstractmethod
    @activity.defn(name="admit_run")
    async def admit_run(self, input: steps.AdmitInput) -> Admitted:
        """Present the run to its keeper, then check that it can work here."""

    @abstractmethod
    @activity.defn(name="prepare_run")
    async def prepare_run(self, input: steps.PrepareInput) -> Admitted:
        """Preflight, and write the context, of a run that had to wait."""

    @abstractmethod
    @activity.defn(name="ask_need")
    async def ask_need(self, input: steps.NeedInput) -> NeedAnswer:
        """Ask the upstream's keeper for a slot."""

    @abstractmethod
    @activity.defn(name="announce_run")
    async def announce_run(self, input: steps.AnnounceInput) -> None:
        """Publish the run's events, each to its topic."""

    @abstractmethod
    @activity.defn(name="settle_run")
    async def settle_run(self, input: steps.SettleInput) -> Settled:
        """Store the new memory version and report the run's end to its keeper."""


class Thinking(ABC):
    """The model's turns."""

    @abstractmethod
    @activity.defn(name="invoke_model")
    async def invoke_model(self, input: steps.TurnInput) -> TurnOutcome:
        """Take one turn; a turn that was already answered is not asked again."""


class Compacting(ABC):
    """Conversations that go on from run to run."""

    @abstractmethod
    @activity.defn(name="compact_conversation")
    async def compact_conversation(self, input: steps.CompactInput) -> TurnOutcome:
        """Sum up a conversation that has grown too long to go on with."""


class SessionRunning(ABC):
    """Work that a provider does by itself."""

    @abstractmethod
    @activity.defn(name="submit_session")
    async def submit_session(self, input: steps.SessionInput) -> steps.SessionStarted:
        """Start the provider's session, once."""

    @abstractmethod
    @activity.defn(name="observe_session")
    async def observe_session(self, input: steps.SessionInput) -> steps.Observed:
        """Watch it until it ends or needs something."""

    @abstractmethod
    @activity.defn(name="answer_session")
    async def answer_session(self, input: steps.AnswerInput) -> steps.SessionStarted:
        """Tell it its task, results of its tool calls, decisions, or what to mend."""

    @abstractmethod
    @activity.defn(name="collect_session")
    async def collect_session(self, input: steps.SessionInput) -> TurnOutcome:
        """Read the answer of a session that has ended."""

    @abstractmethod
    @activity.defn(name="cancel_session")
    async def cancel_session(self, input: steps.SessionInput) -> steps.SessionStopped:
        """Stop it, and look whether it has stopped."""


class ToolListing(ABC):
    """Tools that others serve."""

    @abstractmethod
    @activity.defn(name="list_tools")
    async def list_tools(self, input: steps.StepInput) -> steps.ToolsListed:
        """Ask the agent's MCP servers for their tools, once per run."""


class ToolRunning(ABC):
    """The agents' hands."""

    @abstractmethod
    @activity.defn(name="run_tool")
    async def run_tool(self, input: steps.ToolInput) -> ResultRef:
        """Execute one tool call; a call that already has a result is not made again."""

    @abstractmethod
    @activity.defn(name="look_at_effect")
    async def look_at_effect(self, input: steps.ToolInput) -> EffectLook:
        """Say what is known of a call that no attempt has answered, without making it."""


class EffectDesk(ABC):
    """Word of effects of which nobody knows whether they happened; safe as local activities."""

    @abstractmethod
    @activity.defn(name="note_effect")
    async def note_effect(self, input: NoteEffectInput) -> None:
        """Tell the keeper of an unknown effect, or that it is none any more."""


class ApprovalDesk(ABC):
    """Look-ups around a person's decision; safe as local activities."""

    @abstractmethod
    @activity.defn(name="check_edit")
    async def check_edit(self, input: steps.ToolInput) -> EditChecked:
        """Say whether the arguments that somebody wrote fit the tool."""


class HandoffDesk(ABC):
    """Calls of other agents: from a tool call to a run, and back."""

    @abstractmethod
    @activity.defn(name="open_handoff")
    async def open_handoff(self, input: OpenHandoffInput) -> OpenedHandoff:
        """Check the call and make the input of the run it asks for."""

    @abstractmethod
    @activity.defn(name="close_handoff")
    async def close_handoff(self, input: CloseHandoffInput) -> ResultRef:
        """Record the called run's end as the call's result."""


class RunReading(ABC):
    """What runs have left behind; safe as local activities."""

    @abstractmethod
    @activity.defn(name="read_use")
    async def read_use(self, run: RunRef) -> RunUse:
        """Read what a run that has ended used, with all below it."""


class Watching(ABC):
    """What the Watchdog has looked at for it; nothing here changes anything."""

    @abstractmethod
    @activity.defn(name="list_agents")
    async def list_agents(self, order: ListOrder) -> Listed:
        """List one page of the fleet's agents; safe as a local activity."""

    @abstractmethod
    @activity.defn(name="look_at_agents")
    async def look_at_agents(self, order: LookOrder) -> Looked:
        """Judge some of the fleet's agents."""

    @abstractmethod
    @activity.defn(name="send_beat")
    async def send_beat(self, beat: Beat) -> None:
        """Send a sign of life; safe as a local activity."""


class Archiving(ABC):
    """Closed runs, put away before the server forgets them."""

    @abstractmethod
    @activity.defn(name=ARCHIVE_RUNS)
    async def archive_runs(self, order: ArchiveOrder) -> ArchiveReport:
        """Archive closed runs, the oldest first, and make the daily checkpoints that are due."""


class LockDesk(ABC):
    """Dealings with resource locks; safe as local activities."""

    @abstractmethod
    @activity.defn(name="acquire_lock")
    async def acquire_lock(self, input: steps.LockInput) -> LockAnswer:
        """Ask for a lock, or for a place in its queue."""

    @abstractmethod
    @activity.defn(name="release_locks")
    async def release_locks(self, input: steps.ReleaseInput) -> None:
        """Give locks back; repeating it changes nothing."""


class BudgetDesk(ABC):
    """Dealings with the accounts of agents and teams; safe as local activities."""

    @abstractmethod
    @activity.defn(name="hold_budget")
    async def hold_budget(self, input: steps.HoldInput) -> Grant:
        """Ask for more room, or give back what is left."""


class Notifying(ABC):
    """Word to people; `post_facts` is safe as a local activity."""

    @abstractmethod
    @activity.defn(name="post_facts")
    async def post_facts(self, input: PostInput) -> None:
        """Hand facts to the notifiers of their channels; repeating it tells nothing twice."""

    @abstractmethod
    @activity.defn(name="send_notification")
    async def send_notification(self, input: SendInput) -> Sent:
        """Send one message to one channel."""


class PipelineDesk(ABC):
    """What a pipeline run needs from outside."""

    @abstractmethod
    @activity.defn(name="load_pipeline")
    async def load_pipeline(self, input: nodes.LoadPipelineInput) -> nodes.LoadedPipeline:
        """Read a pipeline's declaration from the store."""

    @abstractmethod
    @activity.defn(name="load_outputs")
    async def load_outputs(self, input: nodes.LoadOutputsInput) -> nodes.LoadedOutputs:
        """Read results that are too large to travel with a run's end."""

    @abstractmethod
    @activity.defn(name="store_outcome")
    async def store_outcome(self, input: nodes.StoreOutcomeInput) -> nodes.StoredOutcome:
        """Store what a pipeline came to: each node's result under its name."""


class TopicDesk(ABC):
    """What a topic needs from outside."""

    @abstractmethod
    @activity.defn(name="deliver_events")
    async def deliver_events(self, input: steps.DeliverInput) -> steps.Delivered:
        """Start one run per event and subscriber whose filter it passes."""


class KeeperDesk(ABC):
    """What a keeper needs from outside."""

    @abstractmethod
    @activity.defn(name="closed_runs")
    async def closed_runs(self, suspects: Suspects) -> list[ClosedRun]:
        """Return those that have ended, and what each has used."""

    @abstractmethod
    @activity.defn(name="start_runs")
    async def start_runs(self, input: steps.StartRunsInput) -> list[RunRef]:
        """Start the runs of orders and return them in that order; started ones are found."""

    @abstractmethod
    @activity.defn(name="page_ledger")
    async def page_ledger(self, page: steps.LedgerPage) -> str:
        """Store a page of old ledger entries and return its digest."""
