"""What `rota doctor` looks at: one function per check, each safe to repeat.

A check never raises for what it looks for: it answers what is wrong and what to do.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetSystemInfoRequest
from temporalio.client import Client

from activities.pollers import pollers
from activities.stores.base import KeyNeededError, ObjectStore, StoreError
from rota.ids import keeper_queue
from rota.language.durations import format_duration
from schedules.drift import find_drift
from schedules.fleet import Fleet
from workers.namespace import RETENTION, attribute_problems

KEY_CURE = "put that key where this runs"
"""Of what cannot be read here for lack of a key."""


@dataclass(frozen=True)
class Check:
    """One line of the doctor's table."""

    name: str
    ok: bool
    found: str
    """What is there."""
    cure: str = ""
    """What to do about it; empty if it is well."""


async def check_server(client: Client, address: str) -> Check:
    """Name the server's version."""
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=True)
    return Check("server", True, f"Temporal {info.server_version or 'Cloud'} at {address}")


async def check_retention(client: Client) -> Check:
    """Closed runs must stay long enough to be looked at."""
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), retry=True
    )
    kept: timedelta = described.config.workflow_execution_retention_ttl.ToTimedelta()
    ok = kept >= RETENTION
    return Check(
        "retention",
        ok,
        f"namespace {client.namespace} keeps closed runs for {format_duration(kept)}",
        "" if ok else f"'rota doctor --fix' sets {format_duration(RETENTION)}",
    )


async def check_attributes(client: Client) -> Check:
    """A run that sets an attribute the server does not know would hang."""
    problems = await attribute_problems(client)
    if problems:
        cure = "'rota doctor --fix' creates what is missing; a wrong type needs a new namespace"
        return Check("search attributes", False, "; ".join(problems), cure)
    return Check("search attributes", True, "all there")


async def check_workers(client: Client, task_queue: str) -> list[Check]:
    """Both queues need somebody."""
    checks: list[Check] = []
    for name, queue in (("worker", task_queue), ("keepers", keeper_queue(task_queue))):
        found = await pollers(client, queue)
        text = f"task queue {queue} is served by {', '.join(found) or 'nobody'}"
        checks.append(Check(name, bool(found), text, "" if found else "start 'rota worker'"))
    return checks


async def check_store(store: ObjectStore) -> Check:
    """Write, read and forget something."""
    name, value = f"doctor/{secrets.token_hex(8)}", b"rota doctor"
    try:
        await store.set_ref(name, value)
        readable = await store.get_ref(name) == value
        await store.delete_ref(name)
    except StoreError as error:
        return Check("store", False, str(error), "mend it, or name another with ROTA_STORE")
    cure = "" if readable else "use a store that shows what was just written"
    return Check("store", readable, f"{store.address} can be written and read", cure)


async def check_drift(client: Client, store: ObjectStore, fleet: Fleet, task_queue: str) -> Check:
    """The server should have what the files say."""
    try:
        drifts = await find_drift(client, store, fleet, task_queue=task_queue)
    except KeyNeededError as error:
        return Check("drift", False, str(error), KEY_CURE)
    except StoreError as error:
        return Check("drift", False, str(error), "mend the store first")
    agents = sorted({drift.agent or fleet.name for drift in drifts})
    if agents:
        return Check("drift", False, f"differs: {', '.join(agents)}", "'rota drift', 'rota apply'")
    return Check("drift", True, f"fleet {fleet.name} is applied as its files say")
