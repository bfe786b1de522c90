"""What a fleet's `watchdog` block and its agents' `sla` need that the files do not have. Pure."""

from collections.abc import Iterator

from rota.agent_spec import AgentSpec
from rota.connections import undeclared
from rota.pipelines.spec import PipelineSpec
from rota.runtimes.queue import RuntimeQueue
from schedules.fleet import FLEET_FILE, Fleet
from schedules.remarks import Finding, Remark
from schedules.runtime_queues import runtime_queues


def sla_remarks(spec: AgentSpec | PipelineSpec, fleet: Fleet) -> Iterator[Remark]:
    """Yield what keeps the promises of one declaration from being watched."""
    if spec.sla is None:
        return
    if fleet.file.watchdog is None:
        message = "nobody watches it: declare watchdog: {} in fleet.yaml"
        yield Remark("warning", ("sla",), message)
    of_slots = spec.sla.start_within is not None or isinstance(spec.sla.finish_by, str)
    if of_slots and spec.schedule is None:
        key = "start_within" if spec.sla.start_within is not None else "finish_by"
        message = "is counted from slots, and there is no schedule: nothing is ever late"
        yield Remark("warning", ("sla", key), message)


def watchdog_findings(fleet: Fleet) -> list[Finding]:
    """Return what keeps the Watchdog from telling, or from working."""
    declared = fleet.file.watchdog
    if declared is None:
        return []
    found = [
        _finding(f"watchdog.notify[{index}].email", undeclared("watchdog.notify.email", "email"))
        for index, entry in enumerate(declared.notify)
        if entry.email and not fleet.file.declares("email")
    ]
    queues: tuple[RuntimeQueue, ...] = runtime_queues(fleet)
    if declared.queue in {queue.name for queue in queues}:
        message = f"'{declared.queue}' is the queue of a runtime: name another"
        found.append(_finding("watchdog.queue", message))
    return found


def _finding(key: str, message: str) -> Finding:
    return Finding(level="error", source=FLEET_FILE, line=1, key=key, message=message)
