"""Who was told of a run's end, for its report: asked when the report is made.

Not part of the chain: channels forget, and a record that has ended must not change by that.
"""

from rota.audit.histories import attributes_of, events_of
from rota.audit.run_record import RunRecord
from rota.notices.receipts import Receipt
from rota.notices.spec import NotifySpec
from workers.cli.server import Link
from workers.cli.told import receipts_of


async def receipts_for(link: Link, record: RunRecord) -> list[Receipt] | None:
    """Return what each channel says that is to be told of the run's end.

    None where nobody knows which channels there are: it never got a declaration, or has not ended.
    """
    if record.context is None or record.ended is None:
        return None
    notify: tuple[NotifySpec, ...] = record.context.spec.notify
    return await receipts_of(link, notify, record.run.key, record.status, _queue(record))


def _queue(record: RunRecord) -> str:
    events = events_of(record.executions[0]) if record.executions else []
    queue: dict[str, str] = attributes_of(events[0]).get("taskQueue", {}) if events else {}
    return str(queue.get("name", ""))
