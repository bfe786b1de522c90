"""One name's subscriptions, as declared, beside those that the topics show.

Pure. A topic shows who subscribes and for which fleet; with which filter and input only
the declaration in force says. So a subscription that was changed is written before the
declaration that changes it: interrupted in between, the next plan still sees it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rota.agent_spec import AgentSpec
from rota.pipelines.spec import PipelineSpec
from schedules.changes import FieldChange
from schedules.differences import SUBSCRIPTION, subscription_text

PRESENT = "present"


@dataclass(frozen=True)
class Subscriptions:
    """What one agent or pipeline subscribes to, wanted and live."""

    fleet: str
    wanted: AgentSpec | PipelineSpec | None
    """The declaration; None for one that is to be removed."""
    earlier: AgentSpec | PipelineSpec | None
    """The declaration in force; None if there is none, or if it cannot be read."""
    live: Mapping[str, str]
    """Event to the fleet for which its topic knows the name."""

    @property
    def to_subscribe(self) -> tuple[str, ...]:
        """Events whose topic lacks the subscription, or has an earlier form of it."""
        earlier, wanted = self.earlier, self.wanted
        if wanted is None:
            return ()
        # A topic also notes of which kind its subscriber is: that decides what it starts.
        alike = earlier is not None and earlier.kind == wanted.kind
        before = {s.event: s for s in earlier.on} if earlier and alike else {}
        return tuple(
            s.event for s in wanted.on if s.event not in self.live or before.get(s.event) != s
        )

    @property
    def to_unsubscribe(self) -> tuple[str, ...]:
        """Events whose topic starts runs for this fleet that nobody declares."""
        wanted = {s.event for s in self.wanted.on} if self.wanted else set[str]()
        return tuple(
            event
            for event, owner in sorted(self.live.items())
            if owner == self.fleet and event not in wanted
        )

    @property
    def foreign(self) -> dict[str, str]:
        """Events declared here for which another fleet subscribed by the same name."""
        on = self.wanted.on if self.wanted else ()
        return {
            s.event: owner
            for s in on
            if (owner := self.live.get(s.event, "")) not in ("", self.fleet)
        }

    def drifted(self) -> list[FieldChange]:
        """Return what the topics lack, or have too much, whatever the declarations say."""
        on = self.wanted.on if self.wanted else ()
        missing = [
            FieldChange(field=f"{SUBSCRIPTION}{s.event}", after=subscription_text(s))
            for s in on
            if s.event not in self.live
        ]
        extra = [
            FieldChange(field=f"{SUBSCRIPTION}{event}", before=PRESENT)
            for event in self.to_unsubscribe
        ]
        return [*missing, *extra]
