"""Which runtimes the agents of a fleet use, and what their settings promise."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from activities.runtimes.kinds import runtime_kind
from rota.agent_spec import RuntimeSpec
from rota.runtimes.kind import Capabilities
from schedules.fleet import Fleet
from workers.cli.output import print_table, table


@dataclass(frozen=True)
class UsedRuntime:
    """One runtime of an agent: its own, or a fallback."""

    agent: str
    fallback: int
    """0: its own; 1: the first fallback."""
    kind: str
    model: str
    queue: str
    added: tuple[str, ...]
    """What its settings promise beyond what the kind does with any."""

    @property
    def document(self) -> dict[str, Any]:
        """As `--json` prints it, below its kind."""
        return {
            "agent": self.agent,
            "fallback": self.fallback,
            "model": self.model or None,
            "queue": self.queue or None,
            "by_settings": list(self.added),
        }


def has_fleet(folder: Path) -> bool:
    """Return True if the folder looks like one of a fleet."""
    return (folder / "fleet.yaml").is_file() or (folder / "agents").is_dir()


def used_runtimes(fleet: Fleet) -> list[UsedRuntime]:
    """Return the runtimes of the fleet's agents, each followed by its fallbacks."""
    return [
        _used(name, index, runtime)
        for name, agent in fleet.agents.items()
        for index, runtime in enumerate(agent.spec.runtime.chain)
    ]


def _used(agent: str, index: int, runtime: RuntimeSpec) -> UsedRuntime:
    kind = runtime_kind(runtime.kind)
    promised = kind.promises(kind.settings.model_validate(runtime.settings))
    added = tuple(
        name
        for name in Capabilities.names()
        if getattr(promised, name) and not getattr(kind.capabilities, name)
    )
    return UsedRuntime(agent, index, kind.kind, runtime.model or "", runtime.queue or "", added)


def show_used(fleet: str, used: list[UsedRuntime]) -> None:
    """Print one line for each runtime of each agent; nothing for a fleet without agents."""
    if not used:
        return
    made = table(f"AGENT OF {fleet}", "RUNTIME", "MODEL", "QUEUE", "ITS SETTINGS ADD")
    for each in used:
        name = Text(f"  fallback {each.fallback}", "dim") if each.fallback else Text(each.agent)
        added = ", ".join(name.replace("_", " ") for name in each.added)
        made.add_row(
            name, each.kind, Text(each.model or "-"), Text(each.queue or "-"), added or "-"
        )
    print_table(made)
