"""The accounts of agents and teams, as activities and commands reach them.

A run's money is reserved in two places: with its agent's keeper, and with the `Budget` of
its team if that declares one. The smaller room counts. Nothing here decides: the rules are
`rota.budgets.rules`, which those two workflows apply.
"""

from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.budgets.reservations import NOTHING, Amount, Cap, Grant, HoldEnd, HoldRequest
from rota.ids import budget_id, keeper_id
from rota.keepers.admission import Admission, Decision

LOOK_AGAIN = timedelta(minutes=10)
"""When a run may ask again for an account that is not there: somebody has to apply it."""


async def reserve(client: Client, request: HoldRequest, team: str) -> Grant:
    """Ask the agent's account, then its team's if there is one.

    What one of them refuses, the other does not keep: the next request is for both again.
    Idempotent by the run's key and the request's number in each account.

    Raises:
        temporalio.service.RPCError: the server or an account did not answer.
    """
    grant = await _hold(client, keeper_id(request.agent), request)
    if not team:
        return grant
    if grant.refused or request.wanted == NOTHING:
        # It counts what was spent all the same.
        await _hold(client, budget_id(team), _giving_back(request))
        return grant
    return await _with_team(client, request, team, grant)


async def reserve_admitted(client: Client, admission: Admission) -> Admission:
    """Return the admission with what the team's account has room for, if there is one.

    The agent's account is asked once more, with the same number: an attempt before this one may
    have given the admission's reservation back, when the team had no room. Idempotent.

    Raises:
        temporalio.service.RPCError: the server or an account did not answer.
    """
    grant, spec = admission.grant, admission.spec
    if admission.decision is not Decision.GO or grant is None or grant.refused:
        return admission
    if not spec.account_team:
        return admission
    request = HoldRequest(
        agent=spec.name,
        run=admission.run,
        number=grant.number,
        wanted=_as_wanted(grant.reserved),
    )
    grant = await reserve(client, request, spec.account_team)
    return admission.model_copy(update={"grant": grant})


async def settle_team(client: Client, team: str, end: HoldEnd) -> None:
    """Tell a team's account what a run has spent. Idempotent by the run's key.

    An account that is not there has nothing to count in: the agent's own has the sum.

    Raises:
        temporalio.service.RPCError: the server or the account did not answer.
    """
    try:
        await client.get_workflow_handle(budget_id(team)).execute_update("settle", end)
    except RPCError as error:
        if not is_missing(error):
            raise


async def _with_team(client: Client, request: HoldRequest, team: str, own: Grant) -> Grant:
    """Ask the team for what the agent's account has set aside."""
    asked = request.model_copy(update={"wanted": _as_wanted(own.reserved)})
    teams = await _hold(client, budget_id(team), asked)
    if teams.refused:
        await _hold(client, keeper_id(request.agent), _giving_back(request))
        return teams
    room = own.room.smaller(teams.room)
    return own.model_copy(update={"room": room, "soft": own.soft or teams.soft})


async def _hold(client: Client, id: str, request: HoldRequest) -> Grant:
    handle = client.get_workflow_handle(id)
    try:
        return await handle.execute_update("hold", request, result_type=Grant)
    except RPCError as error:
        if not is_missing(error):
            raise
    return Grant(
        number=request.number,
        refused=f"there is no {id}, which keeps the account: run 'rota apply'",
        cure="rota apply",
        until=datetime.now(UTC) + LOOK_AGAIN,
    )


def _giving_back(request: HoldRequest) -> HoldRequest:
    return request.model_copy(update={"wanted": NOTHING, "least": Amount()})


def _as_wanted(reserved: Amount) -> Cap:
    """What the agent's account set aside; of what it knows nothing, the team says how much."""
    return Cap(micros=reserved.micros or None, tokens=reserved.tokens or None)
