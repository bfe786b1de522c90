"""When a schedule fires, by the server's own word."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client

MOST_TIMES = 100_000
"""Asked for at once: a second apart, more than a day."""
_ANSWER = 1000
"""The server leaves out what comes after so many, without a word."""


async def matching_times(
    client: Client, schedule_id: str, after: datetime, until: datetime, most: int = MOST_TIMES
) -> list[datetime]:
    """Return the times after `after` and up to `until`, jitter included, oldest first.

    Of more than `most` the rest is left out.

    Raises:
        temporalio.service.RPCError: the server did not answer, or there is no such schedule.
    """
    found: list[datetime] = []
    while len(found) < most:
        answer = await client.workflow_service.list_schedule_matching_times(
            ListScheduleMatchingTimesRequest(
                namespace=client.namespace,
                schedule_id=schedule_id,
                start_time=_timestamp(found[-1] if found else after),
                end_time=_timestamp(until),
            )
        )
        times = [item.ToDatetime(tzinfo=UTC) for item in answer.start_time]
        last = found[-1] if found else after
        new = [at for at in times if last < at <= until]
        found += new
        if len(times) < _ANSWER or not new:
            break
    return found[:most]


def _timestamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
