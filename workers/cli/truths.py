"""The five truths of a run, from all who know: the run, its keeper, its channels."""

from temporalio.client import WorkflowExecution

from rota.ids import keeper_id
from rota.keepers.state import KeeperState, LedgerEntry
from rota.notices.receipts import Receipt
from rota.truths import Truths, truths_of
from schedules.apply_errors import NoWorkerError
from workers.cli.pipeline_view import PipelineView
from workers.cli.roll_call import PATIENCE
from workers.cli.run_view import RunView
from workers.cli.server import Link
from workers.cli.standing import ask_state
from workers.cli.told import receipts_of


def first_run_id(run: WorkflowExecution) -> str:
    """The key of a run: the id of its first execution, also after it continued as new."""
    return run.raw_info.first_run_id or run.run_id


async def read_truths(
    link: Link, view: RunView | PipelineView, key: str, task_queue: str
) -> tuple[Truths, list[Receipt]]:
    """Return the truths of a run, and what its channels say.

    Without a worker, what its keeper and its channels alone know is unknown.

    Args:
        link: To the server.
        view: The run.
        key: Its first execution's run id.
        task_queue: The run's.
    """
    name = view.result.pipeline if isinstance(view, PipelineView) else view.result.agent
    try:
        state = await ask_state(link, keeper_id(name), KeeperState, PATIENCE) if name else None
    except NoWorkerError:
        state = None
    return await truths_by(link, view, state, key, task_queue)


async def truths_by(
    link: Link,
    view: RunView | PipelineView,
    state: KeeperState | None,
    key: str,
    task_queue: str,
    entry: LedgerEntry | None = None,
) -> tuple[Truths, list[Receipt]]:
    """As `read_truths`, with the keeper's state, or None, at hand.

    Args:
        link: To the server.
        view: The run.
        state: Its keeper's.
        key: Its first execution's run id.
        task_queue: The run's.
        entry: What the ledger has of it, if that is known; else it is looked for in `state`.
    """
    spec = (state.spec or state.retired) if state else None
    receipts: list[Receipt] | None = None
    if spec is not None:
        receipts = []
        if view.ended is not None:
            status = view.result.status
            receipts = await receipts_of(link, spec.notify, key, status, task_queue)
    entry = entry or (state.ledger.get(key) if state else None)
    truths = truths_of(view.result, view.started, view.ended, entry, receipts)
    return truths, receipts or []
