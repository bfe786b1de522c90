"""What a pipeline's own activities are told, and what they answer. Records alone."""

from typing import Any

from pydantic import Field

from rota.model import Record, StepResult
from rota.pipelines.spec import PipelineSpec
from rota.turns.calls import AnswerRef


class LoadPipelineInput(Record):
    """Read the declaration that a pipeline run was admitted with."""

    digest: str


class LoadedPipeline(StepResult):
    """The declaration."""

    spec: PipelineSpec


class LoadOutputsInput(Record):
    """Read results that are too large to travel with a run's end."""

    digests: tuple[str, ...]


class LoadedOutputs(StepResult):
    """The results, by digest."""

    values: dict[str, Any] = Field(default_factory=dict[str, Any])
    refused: dict[str, str] = Field(default_factory=dict[str, str])
    """Why one cannot be had."""


class StoreOutcomeInput(Record):
    """Put the nodes' results together into what a pipeline came to."""

    outputs: dict[str, Any]
    """By node; small enough to travel."""
    digests: dict[str, str] = Field(default_factory=dict[str, str])
    """Of those that are not."""


class StoredOutcome(StepResult):
    """What the pipeline came to: each node's result under its name."""

    answer: AnswerRef
