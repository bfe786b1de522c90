"""Which later slots of a schedule have already passed: asked of the server itself."""

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

ON_TIME = timedelta(seconds=2)
"""A slot admitted this soon needs no look-up: that is every slot of a healthy system."""
PASSED_LIMIT = 1000


async def passed_slots(
    client: Client, schedule_id: str, slot: datetime, now: datetime
) -> tuple[datetime, ...]:
    """Slots after `slot` and up to `now`, oldest first, at most the newest 1,000.

    Empty if the schedule no longer exists.
    """
    if now - slot < ON_TIME:
        return ()
    try:
        answer = await client.workflow_service.list_schedule_matching_times(
            ListScheduleMatchingTimesRequest(
                namespace=client.namespace,
                schedule_id=schedule_id,
                start_time=_timestamp(slot + timedelta(seconds=1)),
                end_time=_timestamp(now),
            )
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND and "namespace" not in error.message.lower():
            return ()
        raise
    times = [item.ToDatetime(tzinfo=UTC) for item in answer.start_time]
    return tuple(times[-PASSED_LIMIT:])


def _timestamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
