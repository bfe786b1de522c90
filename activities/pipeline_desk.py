"""`load_pipeline`, `load_outputs`: what a run of a pipeline reads from the store."""

import json
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.documents import get_pipeline
from activities.interface import PipelineDesk
from activities.stores.base import ObjectMissingError, ObjectStore
from rota.failures import FailureCategory
from rota.steps import LoadedOutputs, LoadedPipeline, LoadOutputsInput, LoadPipelineInput

OUTPUT_LIMIT = 1024 * 1024
"""Bytes of one result that can be put into another run's input: it travels with the run's
admission, and more than a model can read is of use by its digest alone."""


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

        One that is missing, or too large to be handed on at all, is told as such: it fails
        the node that names it, not the pipeline.
        """
        values: dict[str, Any] = {}
        refused: dict[str, str] = {}
        for digest in input.digests:
            try:
                data = await self._store.get(digest)
            except ObjectMissingError:
                refused[digest] = (
                    f"it is not in this worker's store ({self._store.address}): give all workers "
                    "the same ROTA_STORE"
                )
                continue
            if len(data) > OUTPUT_LIMIT:
                refused[digest] = (
                    f"it is {len(data) // 1024} KiB, at most {OUTPUT_LIMIT // 1024} KiB can be "
                    "handed on: hand on its output_digest, or have the agent answer with less"
                )
            else:
                values[digest] = json.loads(data)
        return LoadedOutputs(values=values, refused=refused)


def _unfit(message: str) -> ApplicationError:
    kind = FailureCategory.INVALID_REQUEST.value
    return ApplicationError(message, type=kind, non_retryable=True)
