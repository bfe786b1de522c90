"""`kind: bedrock`: any model that Amazon Bedrock serves through Converse."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rota.language.forms import Form
from rota.model import Declared
from rota.runtime_specs.aws_account import AwsSettings
from rota.runtime_specs.base import ModelSettings
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape


class Guardrail(Declared):
    """A guardrail that looks at what goes in and what comes out."""

    id: Annotated[
        str,
        Form(
            r"^([a-z0-9]+|arn:aws(-[^:]+)?:bedrock:[a-z0-9-]+:[0-9]{12}:guardrail/[a-z0-9]+)$",
            "write the id of the guardrail, or its ARN",
        ),
    ]
    """Its id or ARN."""
    version: Annotated[str, Form(r"^([1-9][0-9]{0,7}|DRAFT)$", "write its number, or DRAFT")]


class BedrockSettings(AwsSettings, ModelSettings):
    """`kind: bedrock`: any model that Amazon Bedrock serves through Converse.

    `model` is a model's id, a cross-region inference profile's (`eu.anthropic.…`,
    `global.anthropic.…`), or the ARN of either.
    """

    kind: Literal["bedrock"] = "bedrock"
    stream: bool = True
    """Whether the answer comes in pieces. Some models and gateways cannot; without it a
    long answer is a long silence, which proxies on the way may cut."""
    cache: bool = False
    """Mark what stays the same from turn to turn, so that it is cached. For models that know
    cache points: others refuse them."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    """How much the model puts into an answer; None leaves it to the model."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What this model takes beside the common settings, as it names it (`thinking`, `top_k`):
    sent as `additionalModelRequestFields`."""
    guardrail: Guardrail | None = None
    """A stop by it is a refusal."""
    priced_model: Annotated[str, Field(min_length=1)] | None = None
    """The model whose price holds, where `model` does not tell: an application inference
    profile, provisioned throughput, an imported model."""

    @model_validator(mode="after")
    def _effort_once(self) -> Self:
        if self.effort is not None and "output_config" in self.extra:
            raise ValueError("give the effort either as `effort` or in `extra`, not in both")
        return self


KIND = RuntimeKind(
    kind="bedrock",
    shape=Shape.MODEL,
    summary="boto3, Converse API",
    settings=BedrockSettings,
    capabilities=Capabilities(
        reattach=True,
        stream=True,
        tools=True,
        converse=True,
        cancel=True,
        usage=True,
        remains="a call whose answer was lost may be billed; it is counted as unknown, "
        "and asked again",
    ),
    implementation="activities.runtimes.bedrock:BedrockRuntime",
    priced_as="aws",
)
