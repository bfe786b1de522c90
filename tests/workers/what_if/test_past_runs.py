"""Which past runs are taken, and when no further one is looked at."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client

from activities.stores.open import open_store
from rota.runs import AgentRunResult, RunStatus, Trigger
from workers.cli.run_view import RunView
from workers.what_if import past_runs
from workers.what_if.past_runs import MOST_LEFT_OUT, newest_runs

NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def test_history_whose_store_is_another_one_is_not_walked_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent may have run a hundred thousand times; a hundred say that it is of no use."""

    async def endless(*_: Any) -> AsyncIterator[RunView]:
        for number in itertools.count():
            result = AgentRunResult(
                agent="report",
                run_id=f"report-{number}",
                status=RunStatus.SUCCEEDED,
                trigger=Trigger.MANUAL,
                transcript="0" * 64,
            )
            yield RunView(result, NOW, NOW)

    monkeypatch.setattr(past_runs, "newest", endless)
    client, store = cast("Client", None), open_store(str(tmp_path))
    chosen = await newest_runs(client, store, "report", 20, (RunStatus.SUCCEEDED,))
    assert (chosen.runs, len(chosen.left_out)) == ([], MOST_LEFT_OUT)
