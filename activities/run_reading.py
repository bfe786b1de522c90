"""`read_use`: what a run that was cancelled has used, read where it left it."""

import logging

from pydantic import ValidationError
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.interface import RunReading
from activities.server_errors import is_missing
from rota.run_ref import RunRef
from rota.runs import AgentRunResult
from rota.usage import RunUse
from rota.visibility import RESULT_MEMO

log = logging.getLogger("rota.worker")


class RunReadingActivities(RunReading):
    """Looks at runs by the server alone; the workflows run it as a local activity."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn(name="read_use")
    async def read_use(self, run: RunRef) -> RunUse:
        """Read the memo that a run leaves at its end.

        Raises:
            temporalio.service.RPCError: retryable; the server did not answer.
        Idempotency: reads only.
        """
        try:
            description = await self._client.get_workflow_handle(run.id).describe()
        except RPCError as error:
            if is_missing(error):
                return RunUse()
            raise
        # Older servers leave it empty: then the workflow id must do.
        first = description.raw_description.workflow_execution_info.first_run_id
        memo = await description.memo_value(RESULT_MEMO, None)
        if memo is None or first not in ("", run.key):
            return RunUse()
        try:
            result = AgentRunResult.model_validate(memo)
        except ValidationError as error:
            log.warning("run %s: its memo is no result of a run: %s", run.id, error)
            return RunUse()
        return RunUse(usage=result.usage.plus(result.below))
