"""`hold_budget`: a run's dealings with its agent's account and its team's."""

from temporalio import activity
from temporalio.client import Client

from activities.accounts import reserve
from activities.interface import BudgetDesk
from rota.budgets.reservations import Grant
from rota.steps import HoldInput


class BudgetDeskActivities(BudgetDesk):
    """Asks accounts on behalf of runs; the workflows run it as a local activity."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn(name="hold_budget")
    async def hold_budget(self, input: HoldInput) -> Grant:
        """Ask for a reservation in both accounts; the smaller room counts.

        Raises:
            temporalio.service.RPCError: retryable; the server or an account did not answer.
        Idempotency: by the run's key and the request's number in each account.
        """
        return await reserve(self._client, input.request, input.team)
