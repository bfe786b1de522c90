"""Tell a keeper that its schedule was paused or resumed on the server."""

from dataclasses import replace
from datetime import datetime

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from rota.expected.by_hand import unheard_toggle
from rota.expected.evidence import Evidence
from rota.expected.in_force import Toggle, toggled
from rota.ids import keeper_id


async def tell_toggled(client: Client, agent: str, toggle: Toggle) -> None:
    """Tell it; needs no worker. No keeper is fine: then there is nobody to remember it.

    Idempotent: what says nothing new is not remembered twice.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    try:
        await client.get_workflow_handle(keeper_id(agent)).signal("schedule_toggled", toggle)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def with_toggle_told(
    client: Client, evidence: Evidence, since: datetime | None, now: datetime
) -> Evidence:
    """Tell the keeper of a pause, or its end, that shows on the server alone.

    Args:
        client: Reaches the keeper.
        evidence: What is known.
        since: When the schedule was last looked at; None: never.
        now: When it was seen.

    Returns:
        What is known with that word, as the keeper will have it.

    Raises:
        temporalio.service.RPCError: the server did not answer.
    """
    toggle = unheard_toggle(evidence, since, now)
    if toggle is None:
        return evidence
    await tell_toggled(client, evidence.name, toggle)
    return replace(evidence, chronicle=toggled(evidence.chronicle, toggle))
