"""Work at providers that may still go on although its run has ended: listed, and stopped.

A run that could not confirm the stop of its session leaves it with its agent's keeper. Here
the provider is asked again, by the settings that the fleet's files have now.
"""

import asyncio
from collections.abc import Collection
from datetime import timedelta

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.runtimes.open import OpenRuntimes
from activities.server_errors import is_missing
from rota.failures import StepError
from rota.ids import keeper_id
from rota.keepers.admission import Unstopped
from rota.keepers.state import KeeperState
from rota.runtimes.session import ProviderSession
from schedules.declared import DeclaredAgent
from schedules.fleet import Fleet
from workers.checks import Check

QUERY_TIMEOUT = timedelta(seconds=10)
"""A keeper without a worker does not answer at all."""


async def check_unstopped(
    client: Client,
    fleet: Fleet,
    runtimes: OpenRuntimes | None = None,
    *,
    fix: bool = False,
    known: Collection[str] = (),
) -> list[Check]:
    """Tell what may still work for the fleet's agents: one failed check for each.

    Args:
        client: The server.
        fleet: Whose agents.
        runtimes: Who asks the providers; by default those of this environment.
        fix: Ask the providers to stop, and have the keepers forget what they confirm.
        known: Runs whose work has stopped, as somebody knows who has looked: the keepers
            forget it without asking. One that nothing is left of is a failed check.
    """
    checks: list[Check] = []
    told: set[str] = set()
    runtimes = runtimes or OpenRuntimes()
    try:
        for name, agent in fleet.agents.items():
            try:
                found = await unstopped_of(client, name)
            except (RPCError, WorkflowQueryFailedError) as error:
                cure = "start 'rota worker', then ask again"
                checks.append(Check(f"unstopped work of {name}", False, _why(error), cure))
                continue
            for work in found:
                if work.run.id in known:
                    await _forget(client, name, work)
                    told.add(work.run.id)
                    continue
                seen = await _stopped(client, name, agent, work, runtimes) if fix else work.text
                if seen is not None:
                    checks.append(unstopped_check(name, work, seen))
    finally:
        await runtimes.aclose()
    for run in known:
        if run not in told:
            cure = "name one that 'rota doctor' lists"
            checks.append(Check("unstopped work", False, f"none is known of {run}", cure))
    return checks


async def unstopped_of(client: Client, agent: str) -> tuple[Unstopped, ...]:
    """Return what the keeper of `agent` knows of.

    Raises:
        RPCError: nobody answers for it.
        WorkflowQueryFailedError: it cannot answer.
    """
    keeper = client.get_workflow_handle(keeper_id(agent))
    try:
        state = await keeper.query("state", result_type=KeeperState, rpc_timeout=QUERY_TIMEOUT)
    except RPCError as error:
        if is_missing(error):
            return ()  # never applied: nothing has run
        raise
    return state.unstopped


async def _stopped(
    client: Client, name: str, agent: DeclaredAgent, work: Unstopped, runtimes: OpenRuntimes
) -> str | None:
    """Ask the provider; returns what was seen, or None once the keeper has forgotten it."""
    settings = agent.spec.runtime
    if not work.session:
        return work.text
    if settings.kind != work.runtime:
        return f"{work.text}; the agent's runtime is {settings.kind} now"
    session = ProviderSession(kind=work.runtime, id=work.session, url=work.url, data=work.data)
    try:
        runtime = await asyncio.to_thread(runtimes.session, work.runtime)
        stopped = await runtime.cancel(session, settings.settings)
    except StepError as error:
        return str(error)
    if not stopped.confirmed:
        return stopped.text
    await _forget(client, name, work)
    return None


async def _forget(client: Client, name: str, work: Unstopped) -> None:
    await client.get_workflow_handle(keeper_id(name)).execute_update("stopped", work.run)


def unstopped_check(agent: str, work: Unstopped, seen: str) -> Check:
    """Return what is told of work that may go on, and how to end it."""
    where = work.url or work.session or f"session of {work.run.id}"
    cure = "'rota doctor --fix' asks the provider again; or stop it there yourself"
    if not work.session:
        cure = "look for it at the provider by its label rota_run, and stop it there"
    cure += f"; once it has stopped: 'rota doctor --stopped {work.run.id}'"
    found = f"{work.runtime} {where} may still work for {work.run.id}: {seen}"
    return Check(f"unstopped work of {agent}", False, found, cure)


def _why(error: Exception) -> str:
    message = error.message if isinstance(error, RPCError) else str(error)
    return f"its keeper does not answer: {message}"
