"""The task queues that a fleet's runtimes name: which there are, and what does not fit.

Pure. Workers serve them; the server keeps their rates.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rota.agent_spec import AgentSpec
from rota.ids import TASK_QUEUE, keeper_queue, watch_queue
from rota.runtimes.queue import RuntimeQueue
from schedules.declaration_errors import KeyPath
from schedules.fleet import Fleet
from schedules.remarks import Remark


@dataclass(frozen=True)
class _Use:
    """A runtime block that names a queue, or a rate."""

    agent: str
    path: KeyPath
    queue: str | None
    rate: float | None


def runtime_queues(fleet: Fleet) -> tuple[RuntimeQueue, ...]:
    """Return each queue once, in order of name.

    Of different rates for one queue, which the lint refuses, the lowest: too slow is mended
    by a file, too fast by the provider.
    """
    rates: dict[str, list[float]] = {}
    for use in _uses({name: agent.spec for name, agent in fleet.agents.items()}):
        if use.queue is not None:
            rates.setdefault(use.queue, []).extend([use.rate] if use.rate is not None else [])
    return tuple(
        RuntimeQueue(name=name, requests_per_second=min(found, default=None))
        for name, found in sorted(rates.items())
    )


def queue_remarks(agents: Mapping[str, AgentSpec]) -> Iterator[tuple[str, Remark]]:
    """Yield what is wrong with the agents' queues and rates, each with its agent's name."""
    first: dict[str, _Use] = {}
    for use in _uses(agents):
        if use.queue is None:
            message = "needs queue: name the task queue whose calls are counted"
            yield use.agent, Remark("error", (*use.path, "requests_per_second"), message)
            continue
        whose = _owner(use.queue)
        if whose is not None:
            message = f"'{use.queue}' is a queue of {whose}; name one for this runtime's calls"
            yield use.agent, Remark("error", (*use.path, "queue"), message)
        if use.rate is None:
            continue
        other = first.setdefault(use.queue, use)
        if other.rate != use.rate:
            message = (
                f"queue '{use.queue}' has {other.rate:g} a second for '{other.agent}', and "
                f"{use.rate:g} here; a queue has one rate: write the same, or leave one out"
            )
            yield use.agent, Remark("error", (*use.path, "requests_per_second"), message)


def _owner(queue: str) -> str | None:
    """Whose the queue is, if it is one of Rota's own."""
    if queue == TASK_QUEUE:
        return "runs"
    suffixes = {keeper_queue(""): "keepers", watch_queue(""): "watched sessions"}
    return next((whose for end, whose in suffixes.items() if queue.endswith(end)), None)


def _uses(agents: Mapping[str, AgentSpec]) -> Iterator[_Use]:
    for name, spec in agents.items():
        for index, runtime in enumerate(spec.runtime.chain):
            path: KeyPath = ("runtime", "fallback", index - 1) if index else ("runtime",)
            rate = runtime.settings.get("requests_per_second")
            if runtime.queue is not None or rate is not None:
                yield _Use(name, path, runtime.queue, rate)
