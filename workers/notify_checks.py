"""What `rota doctor` says of the channels that a fleet's `notify` blocks name.

Each channel once, however many agents name it. First it is looked at from here, without a
message; then its notifier, if there is one, is asked whether the workers get through.
"""

from datetime import timedelta
from functools import partial

from temporalio.client import Client, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError

from activities.notify.means import Means
from activities.notify.open import PROBES
from activities.server_errors import is_missing
from rota.connections import Connections
from rota.failures import FailureCategory, StepError
from rota.ids import TASK_QUEUE, format_slot, notifier_id
from rota.notifications import Channel, channels_of
from rota.notifier import NotifierState
from schedules.fleet import Fleet
from schedules.notify_lint import notify_entries
from workers.checks import Check
from workers.looks import Look

QUERY_TIMEOUT = timedelta(seconds=10)
"""A notifier without a worker does not answer at all."""

_CURES = {
    FailureCategory.AUTH: "set the secret where the workers run, or get a new one",
    FailureCategory.INVALID_REQUEST: "mend notify, or the secret with the address",
}
_REACH = "see that it is up, and that this machine reaches it"


def fleet_channels(fleet: Fleet, task_queue: str = TASK_QUEUE) -> list[Channel]:
    """Return the channels that the fleet's declarations name, each once."""
    declared = (*fleet.declarations.values(), *fleet.teams.values())
    entries = [entry for each in declared for _, entry in notify_entries(each)]
    found = [channel for entry in entries for channel in channels_of(entry, task_queue)]
    return list({channel.digest: channel for channel in found}.values())


def notify_looks(fleet: Fleet) -> list[Look]:
    """Return one look for each channel: are its secrets there, and its hosts?"""
    return [
        Look(title, partial(_take, title, channel, fleet.file))
        for channel in fleet_channels(fleet)
        for title in (f"notify {channel.label}",)
    ]


async def _take(title: str, channel: Channel, connections: Connections) -> Check:
    means = Means(connections)
    try:
        found = await PROBES[channel.kind](means, channel)
        return Check(title, True, means.secrets.redact(found))
    except StepError as error:
        cure = _CURES.get(error.category, _REACH)
        return Check(title, False, means.secrets.redact(str(error)), cure)
    finally:
        await means.calls.aclose()


async def check_notifiers(client: Client, fleet: Fleet, task_queue: str) -> list[Check]:
    """Tell which of the fleet's channels take nothing: one failed check for each."""
    checks: list[Check] = []
    for channel in fleet_channels(fleet, task_queue):
        name = f"notifications to {channel.label}"
        try:
            state = await _state(client, channel)
        except (RPCError, WorkflowQueryFailedError) as error:
            words = f"its notifier does not answer: {error}"
            checks.append(Check(name, False, words, "start 'rota worker', then ask again"))
            continue
        if state is not None and state.trouble is not None:
            trouble = state.trouble
            words = f"nothing is taken since {format_slot(trouble.since)}: {trouble.reason}"
            checks.append(Check(name, False, words, "mend that; 'rota notifications' says more"))
    return checks


async def _state(client: Client, channel: Channel) -> NotifierState | None:
    """What the channel's notifier knows; None if nobody has told it anything lately."""
    try:
        return await client.get_workflow_handle(notifier_id(channel.digest)).query(
            "state",
            result_type=NotifierState,
            reject_condition=QueryRejectCondition.NOT_OPEN,
            rpc_timeout=QUERY_TIMEOUT,
        )
    except WorkflowQueryRejectedError:
        return None
    except RPCError as error:
        if is_missing(error):
            return None
        raise
