"""What a run of a pipeline reads from the store, and leaves there."""

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.desks.pipelines import OUTPUT_LIMIT, TOGETHER_LIMIT, PipelineDeskActivities
from activities.stores.base import ObjectStore
from activities.stores.open import open_store
from rota.model import canonical_json
from rota.pipelines.spec import PipelineSpec
from rota.pipelines.steps import LoadOutputsInput, LoadPipelineInput, StoreOutcomeInput

SPEC = PipelineSpec.model_validate({"name": "p", "nodes": {"a": {"agent": "x"}}})
ABSENT = "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """An empty store."""
    return open_store(str(tmp_path / "store"))


async def put(store: ObjectStore, value: Any) -> str:
    """Store a JSON value."""
    return await store.put(canonical_json(value))


async def test_load_pipeline_reads_the_declaration_of_that_digest(store: ObjectStore) -> None:
    """The one that the run was admitted with, whatever was applied since."""
    digest = await put(store, SPEC.document)
    loaded = await PipelineDeskActivities(store).load_pipeline(LoadPipelineInput(digest=digest))
    assert (loaded.spec, digest) == (SPEC, SPEC.digest)


@pytest.mark.parametrize("document", [None, {"kind": "Agent", "name": "x"}])
async def test_load_pipeline_that_cannot_says_how_to_mend_it(
    store: ObjectStore, document: Any
) -> None:
    """Missing from this store, or no pipeline: in either case trying again is no use."""
    digest = await put(store, document) if document else ABSENT
    with pytest.raises(ApplicationError) as caught:
        await PipelineDeskActivities(store).load_pipeline(LoadPipelineInput(digest=digest))
    assert caught.value.non_retryable
    assert caught.value.type == "invalid_request"
    assert "rota apply" in caught.value.message


async def test_load_outputs_reads_what_it_can_and_tells_of_the_rest(store: ObjectStore) -> None:
    """One result that cannot be had does not keep the others away."""
    small, large = await put(store, [1, 2]), await put(store, "x" * OUTPUT_LIMIT)
    desk = PipelineDeskActivities(store)
    loaded = await desk.load_outputs(LoadOutputsInput(digests=(small, large, ABSENT)))
    assert loaded.values == {small: [1, 2]}
    assert "at most 1024 KiB can be handed on" in loaded.refused[large]
    assert "ROTA_STORE" in loaded.refused[ABSENT]


async def test_load_outputs_reads_no_more_than_a_workflow_can_take_in(store: ObjectStore) -> None:
    """Each is small enough, all together are not: those beyond the limit are told as such."""
    size = OUTPUT_LIMIT - 2  # with its quotes a string of that many bytes is just small enough
    count = TOGETHER_LIMIT // OUTPUT_LIMIT
    digests = [await put(store, f"{n:{size}}") for n in range(count + 2)]
    desk = PipelineDeskActivities(store)
    loaded = await desk.load_outputs(LoadOutputsInput(digests=tuple(digests)))
    nodes = {f"n{n}": digest for n, digest in enumerate(digests)}
    outcome = await desk.store_outcome(StoreOutcomeInput(outputs={}, digests=nodes))
    stored = json.loads(await store.get(outcome.answer.digest))
    assert list(loaded.values) == digests[:count]
    assert list(loaded.refused) == digests[count:]
    assert "hand on each output_digest" in loaded.refused[digests[-1]]
    assert [node for node, value in stored.items() if value is None] == ["n16", "n17"]


async def test_store_outcome_puts_the_nodes_results_together(store: ObjectStore) -> None:
    """Small ones as they came, large ones read; what cannot be had is null."""
    large = await put(store, ["x" * 5000])
    desk = PipelineDeskActivities(store)
    small = await desk.store_outcome(StoreOutcomeInput(outputs={"a": 1}))
    whole = await desk.store_outcome(
        StoreOutcomeInput(outputs={"a": 1}, digests={"b": large, "c": ABSENT})
    )
    assert small.answer.output == {"a": 1}
    assert whole.answer.output is None
    stored = json.loads(await store.get(whole.answer.digest))
    assert stored == {"a": 1, "b": ["x" * 5000], "c": None}
