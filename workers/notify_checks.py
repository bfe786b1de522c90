"""What `rota doctor` says of the channels that a fleet's `notify` blocks name.

Each channel once, however many agents name it. First it is looked at from here, without a
message; then its notifier, if there is one, is asked whether the workers get through.
"""

from datetime import timedelta
from functools import partial

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.notify.means import Means
from activities.notify.open import PROBES
from activities.open_state import open_state
from rota.connections import Connections
from rota.failures import FailureCategory, StepError
from rota.ids import TASK_QUEUE, format_slot, notifier_id
from rota.notices.facts import Channel, channels_of
from rota.notices.notifier import NotifierState
from schedules.fleet import Fleet
from schedules.lints.notify import notify_entries
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
    if fleet.file.watchdog is not None:
        # Its alerts are told from its own queue, whose workers hold the secrets, too.
        queue = fleet.file.watchdog.queue or task_queue
        for entry in fleet.file.watchdog.notify:
            found += channels_of(entry, queue)
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
            id = notifier_id(channel.digest)
            state = await open_state(client, id, NotifierState, QUERY_TIMEOUT)
        except (RPCError, WorkflowQueryFailedError) as error:
            words = f"its notifier does not answer: {error}"
            checks.append(Check(name, False, words, "start 'rota worker', then ask again"))
            continue
        if state is not None and state.trouble is not None:
            trouble = state.trouble
            words = f"nothing is taken since {format_slot(trouble.since)}: {trouble.reason}"
            checks.append(Check(name, False, words, "mend that; 'rota notifications' says more"))
    return checks
