"""`load_pipeline`, `load_outputs`, `store_outcome`: a pipeline's dealings with the store."""

import json
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.documents import get_pipeline
from activities.interface import PipelineDesk
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.failures import FailureCategory
from rota.model import canonical_json
from rota.pipelines.steps import (
    LoadedOutputs,
    LoadedPipeline,
    LoadOutputsInput,
    LoadPipelineInput,
    StoredOutcome,
    StoreOutcomeInput,
)
from rota.turns.calls import INLINE_OUTPUT, AnswerRef

OUTPUT_LIMIT = 1024 * 1024
"""Bytes of one result that can be put into another run's input: it travels with the run's
admission, and more than a model can read is of use by its digest alone."""

TOGETHER_LIMIT = 16 * 1024 * 1024
"""Bytes of all results read at once: a workflow has two seconds to take them in, and what a
pipeline came to is read whole by whoever needs it."""


class PipelineDeskActivities(PipelineDesk):
    """Short look-ups; the workflows run them as local activities."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @activity.defn(name="load_pipeline")
    async def load_pipeline(self, input: LoadPipelineInput) -> LoadedPipeline:
        """Read the declaration that a run was admitted with. Idempotent.

        Raises:
            ApplicationError: not retryable, this worker's store does not hold it, or it was
                written by another version of Rota.
        """
        try:
            return LoadedPipeline(spec=await get_pipeline(self._store, input.digest))
        except ObjectMissingError as error:
            raise _unfit(
                f"the declaration is not in this worker's store ({self._store.address}): "
                "give worker and 'rota apply' the same ROTA_STORE, then apply again"
            ) from error
        except ValueError as error:
            raise _unfit(
                "the declaration is no pipeline that this version of Rota can read: bring this "
                "worker up to date, or run 'rota apply' again"
            ) from error

    @activity.defn(name="load_outputs")
    async def load_outputs(self, input: LoadOutputsInput) -> LoadedOutputs:
        """Read results that were too large to travel with a run's end. Idempotent.

        One that is missing, or too large to be handed on, alone or with the others, is told
        as such: it fails the node that names it, not the pipeline.
        """
        values: dict[str, Any] = {}
        refused: dict[str, str] = {}
        left = TOGETHER_LIMIT
        for digest in input.digests:
            data, why_not = await self._read(digest, left)
            if why_not:
                refused[digest] = why_not
            else:
                left -= len(data)
                values[digest] = json.loads(data)
        return LoadedOutputs(values=values, refused=refused)

    @activity.defn(name="store_outcome")
    async def store_outcome(self, input: StoreOutcomeInput) -> StoredOutcome:
        """Store what a pipeline came to. Idempotent: it is content-addressed.

        It is the payload of the pipeline's events and what those that need it are given. A
        result that cannot be handed on, or no longer fits beside the others, is null in it.
        """
        outcome = dict(input.outputs)
        left = TOGETHER_LIMIT
        for node, digest in input.digests.items():
            data, why_not = await self._read(digest, left)
            left -= len(data)
            outcome[node] = None if why_not else json.loads(data)
        data = canonical_json(outcome)
        small = outcome if len(data) <= INLINE_OUTPUT else None
        return StoredOutcome(answer=AnswerRef(digest=await self._store.put(data), output=small))

    async def _read(self, digest: str, left: int) -> tuple[bytes, str]:
        """Return a result of at most `left` bytes, and why it cannot be had; empty if it can."""
        try:
            data = await self._store.get(digest)
        except ObjectMissingError:
            return b"", (
                f"it is not in this worker's store ({self._store.address}): give all workers "
                "the same ROTA_STORE"
            )
        if len(data) > OUTPUT_LIMIT:
            return b"", (
                f"it is {len(data) // 1024} KiB, at most {OUTPUT_LIMIT // 1024} KiB can be "
                "handed on: hand on its output_digest, or have the agent answer with less"
            )
        if len(data) > left:
            return b"", (
                f"with others it is more than the {TOGETHER_LIMIT // 1024} KiB that can be "
                "handed on at once: hand on each output_digest, or have the agents answer with "
                "less"
            )
        return data, ""


def _unfit(message: str) -> ApplicationError:
    kind = FailureCategory.INVALID_REQUEST.value
    return ApplicationError(message, type=kind, non_retryable=True)
