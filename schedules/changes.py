"""A plan as data: what `rota apply` will do, name by name and field by field.

Pure and frozen. A plan is made once, shown, and carried out as it is; its fingerprint
tells whether the same plan would come out now.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from rota.keepers.freeze import FreezeRequest
from rota.kinds import Kind
from rota.model import Record, content_digest
from rota.schedule.clock_changes import ClockEffect

PlannedKind = Kind | Literal["Team", "Watchdog"]
"""What a fleet declares."""


class Action(StrEnum):
    """What becomes of an agent, a pipeline or a team."""

    CREATE = "create"
    CHANGE = "change"
    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"
    UNCHANGED = "unchanged"


class Step(StrEnum):
    """One write to the server; each is safe to repeat."""

    DECLARE = "declare"
    """Store the declaration and put it in force with the keeper, or the team's account."""
    CREATE_SCHEDULE = "create_schedule"
    UPDATE_SCHEDULE = "update_schedule"
    DELETE_SCHEDULE = "delete_schedule"
    RETIRE = "retire"
    """Take the declaration back; memory and ledger stay with the keeper."""
    SUBSCRIBE = "subscribe"
    """Have the topics of the events declared start runs."""
    UNSUBSCRIBE = "unsubscribe"
    FREEZE = "freeze"
    """Freeze what is new before it is declared: its team is frozen."""


class FieldChange(Record):
    """One field, named as in the YAML where it has a place there."""

    field: str
    before: Any = None
    """What the server has; None if nothing."""
    after: Any = None
    """What the files say; None if nothing."""


class AgentPlan(Record):
    """What happens to one agent, one pipeline or one team."""

    agent: str
    """Its name; no agent and pipeline share one, but a team may be called like its agent."""
    kind: PlannedKind = "Agent"
    action: Action
    source: str = ""
    """`agents/report.yaml:12`; empty for an agent that is no longer declared."""
    digest: str = ""
    """Of the declaration to be in force."""
    fields: tuple[FieldChange, ...] = ()
    steps: tuple[Step, ...] = ()
    """In the order in which they are carried out."""
    subscribe: tuple[str, ...] = ()
    """Events of the step of that name."""
    freeze: FreezeRequest | None = None
    """What it begins with, if its team is frozen, or everything."""
    unsubscribe: tuple[str, ...] = ()
    next_before: tuple[datetime, ...] = ()
    """The next five starts as things stand."""
    next_after: tuple[datetime, ...] = ()
    """The next five slots once applied; nothing while paused."""
    clock_changes: tuple[ClockEffect, ...] = ()
    """Days of the next two weeks on which a clock change alters the slots."""
    notes: tuple[str, ...] = ()
    """What a person should know before saying yes."""

    @property
    def label(self) -> str:
        """The name, of a team with that word: `report`, `team finance`."""
        return f"team {self.agent}" if self.kind == "Team" else self.agent


class Plan(Record):
    """What `rota apply` will do. Nothing else is done, or nothing at all."""

    fleet: str
    task_queue: str
    made_at: datetime
    agents: tuple[AgentPlan, ...] = ()
    """What is declared, in the order of the files, teams first and pipelines after agents; then
    what is to be removed."""
    conflicts: tuple[str, ...] = ()
    """Why it cannot be applied, one line each."""

    @property
    def changes(self) -> tuple[AgentPlan, ...]:
        """Those to which something happens."""
        return tuple(agent for agent in self.agents if agent.action is not Action.UNCHANGED)

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to do and nothing in the way."""
        return not self.changes and not self.conflicts

    @property
    def counts(self) -> dict[Action, int]:
        """How many agents, pipelines and teams each action is for."""
        actions = [agent.action for agent in self.agents]
        return {action: actions.count(action) for action in Action}

    @property
    def summary(self) -> str:
        """`1 to create, 2 to change, 4 unchanged`, in one line."""
        texts = [
            f"{count} {action if action is Action.UNCHANGED else f'to {action}'}"
            for action, count in self.counts.items()
            if count
        ]
        return ", ".join(texts) or "no agents"

    @property
    def fingerprint(self) -> str:
        """Equal for plans that do the same to the same, whenever they were made."""
        return content_digest([self.fleet, self.task_queue, *self.fingerprints.values()])

    @property
    def fingerprints(self) -> dict[str, str]:
        """One fingerprint per name: what the server has of it, and what it is to have."""
        kept = {"agent", "kind", "action", "digest", "fields", "steps", "subscribe", "unsubscribe"}
        return {
            agent.label: content_digest(agent.model_dump(mode="json", include=kept))
            for agent in self.agents
        }

    def to_json(self) -> dict[str, Any]:
        """Return the plan for programs."""
        counts = {action.value: count for action, count in self.counts.items()}
        extra = {"is_empty": self.is_empty, "counts": counts, "fingerprint": self.fingerprint}
        return self.model_dump(mode="json") | extra
