"""Who was told of a run's end: its channels' notifiers asked, which needs a worker."""

from collections.abc import Iterable

from activities.side_by_side import side_by_side
from rota.ids import notifier_id
from rota.notices.facts import channels_for
from rota.notices.notifier import NotifierState
from rota.notices.receipts import Receipt, receipt_of
from rota.notices.spec import NotifySpec
from rota.notices.text import ENDS
from rota.runs import RunStatus
from schedules.apply_errors import NoWorkerError
from workers.cli.roll_call import PATIENCE
from workers.cli.server import Link
from workers.cli.standing import ask_state


async def receipts_of(
    link: Link, notify: Iterable[NotifySpec], key: str, status: RunStatus, task_queue: str
) -> list[Receipt]:
    """Return what each channel says that is to be told of such an end; empty if none is.

    Args:
        link: To the server.
        notify: Whom the declaration names.
        key: Of the run.
        status: Its end.
        task_queue: Of the run.
    """
    occasion = ENDS.get(status)
    if occasion is None:
        return []
    channels = channels_for(notify, occasion, task_queue)
    names = {notifier_id(channel.digest): channel.label for channel in channels}

    async def ask(id: str) -> Receipt:
        try:
            state = await ask_state(link, id, NotifierState, PATIENCE)
        except NoWorkerError:
            state = None
        return receipt_of(names[id], state, f"{key}/{occasion.value}")

    return await side_by_side(list(names), ask)
