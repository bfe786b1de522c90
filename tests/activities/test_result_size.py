"""What the ledger is told of a success' result."""

from pathlib import Path
from typing import Any

import pytest

from activities.result_size import with_size
from activities.stores.base import StoreError
from activities.stores.open import open_store
from rota.keepers.admission import Settlement
from rota.model import canonical_json
from rota.run_ref import RunRef
from rota.runs import RunStatus

RUN = RunRef(id="report-1", key="k1")


@pytest.mark.parametrize(
    ("output", "empty"), [({"rows": []}, True), ({"rows": [1]}, False), ("x" * 9000, False)]
)
async def test_settlement_of_a_success_says_how_large_its_result_is(
    tmp_path: Path, output: Any, empty: bool
) -> None:
    """In bytes of JSON, and whether there is anything in it."""
    store = open_store(str(tmp_path))
    data = canonical_json(output)
    settlement = Settlement(run=RUN, status=RunStatus.SUCCEEDED, output=await store.put(data))
    sized = await with_size(store, settlement)
    assert (sized.output_bytes, sized.output_empty) == (len(data), empty)


async def test_settlement_goes_on_where_the_result_cannot_be_read(tmp_path: Path) -> None:
    """Others wait for a run's end, and nobody for its size."""
    store = open_store(str(tmp_path))
    gone = Settlement(run=RUN, status=RunStatus.SUCCEEDED, output="0" * 64)
    with pytest.raises(StoreError):
        await store.get("0" * 64)
    assert await with_size(store, gone) == gone
    failed = Settlement(run=RUN, status=RunStatus.FAILED, output=None)
    assert await with_size(store, failed) == failed
