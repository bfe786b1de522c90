"""What a kind of runtime is: its settings, its shape, what it promises, where its code is.

A runtime outside this tree registers one of these under the entry point `rota.runtimes`:

    [project.entry-points."rota.runtimes"]
    acme = "acme_rota:KIND"

The object is read by `rota validate` too, so the module that holds it must not import an
SDK; the module that `implementation` names may, and is imported by workers alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from rota.runtime_specs.base import RuntimeSettings


class Shape(StrEnum):
    """Who runs the loop."""

    MODEL = "model"
    """Rota: the runtime answers one turn at a time."""
    SESSION = "session"
    """The provider: Rota submits, observes, answers and collects."""


@dataclass(frozen=True)
class Capabilities:
    """What a runtime can do, and can promise. Shown by `rota runtimes`."""

    idempotent_start: bool = False
    """A second start with the same key is the first one: a lost answer costs nothing."""
    find: bool = False
    """A session whose id was lost can be found by what Rota wrote on it."""
    reattach: bool = False
    """Watching can be taken up by another worker. If not, a lost worker means
    `outcome_unknown`, unless the settings say that the work may be repeated."""
    stream: bool = False
    """It shows progress while it works."""
    tools: bool = False
    """It calls the agent's tools, which run here."""
    converse: bool = False
    """It can be told more after it has answered: repairs, `session.continue: same`."""
    budget: bool = False
    """The provider itself enforces the run's cap on cost."""
    cancel: bool = False
    """It can be stopped."""
    confirm_cancel: bool = False
    """And it tells that it has stopped."""
    usage: bool = False
    """It tells what was used."""
    cost: bool = False
    """It tells what that cost."""
    persons: bool = False
    """It can wait for a person, which is told apart from work."""
    remains: str = ""
    """What can still go wrong, in one line: the window that no protocol closes."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The yes-or-no columns, in order."""
        return tuple(field.name for field in fields(cls) if field.name != "remains")


@dataclass(frozen=True)
class RuntimeKind:
    """One kind of runtime."""

    kind: str
    shape: Shape
    summary: str
    """What it is built on, in a few words."""
    settings: type[RuntimeSettings]
    """Model of the `runtime` block."""
    capabilities: Capabilities
    implementation: str
    """`module:name` of what makes the runtime: called once per worker with a
    `rota.tools.SecretReader`, it returns a `ModelRuntime` or `SessionRuntime`."""
    priced_as: str = ""
    """The provider's id in the price table; empty: nothing is priced by table."""
    promised: Callable[[Any], Capabilities] | None = None
    """What it promises with the settings given, where that depends on them; `capabilities`
    then says what holds with any."""
    by_settings: tuple[str, ...] = ()
    """Promises that some settings add to `capabilities`, in their order: for those who choose
    a kind, before there are settings. Empty without `promised`."""

    def promises(self, settings: RuntimeSettings) -> Capabilities:
        """What it can do with these settings: ask this where there are settings."""
        return self.promised(settings) if self.promised else self.capabilities

    def prices(self, settings: RuntimeSettings) -> str:
        """The provider's id in the price table with these settings; empty: there is none."""
        return self.priced_as if settings.prices is None else settings.prices


@dataclass(frozen=True)
class Probe:
    """What a look at a provider found, without spending."""

    ok: bool
    found: str
    cure: str = ""


@runtime_checkable
class Probing(Protocol):
    """A runtime that can be looked at without spending. All built-in ones can."""

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """Check credentials and reachability. Never raises for what it looks for."""
        ...


@runtime_checkable
class Looking(Protocol):
    """A session runtime that is also looked at before a run begins.

    Every minute at most, by each worker that has runs for it: in a second or two, and without
    spending.
    """

    async def look(self, settings: RuntimeSettings) -> str:
        """Check credentials and reachability; return what was found.

        Raises:
            rota.failures.StepError: its category tells what somebody has to mend from what
                may pass by itself.
        """
        ...
