"""`note_effect`: a run tells its keeper of an effect of which nobody knows whether it happened."""

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.interface import EffectDesk
from activities.server_errors import is_missing
from rota.effects.steps import NoteEffectInput
from rota.ids import keeper_id


class EffectDeskActivities(EffectDesk):
    """Tells keepers; the workflows run it as a local activity."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn(name="note_effect")
    async def note_effect(self, input: NoteEffectInput) -> None:
        """Send the update `note_effect`.

        A keeper that was ended by hand lists nothing; the effect's own record stays.

        Raises:
            temporalio.service.RPCError: retryable; the server or the keeper did not answer.
        Idempotency: by the effect's key and its run, within the keeper.
        """
        try:
            await self._client.get_workflow_handle(keeper_id(input.agent)).execute_update(
                "note_effect", input.note
            )
        except RPCError as error:
            if not is_missing(error):
                raise
