"""`kind: anthropic`: the Claude API, or a gateway that speaks its Messages protocol."""

from typing import ClassVar, Literal

from rota.runtime_specs.base import BaseUrl, ModelSettings, SecretReference
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape


class AnthropicSettings(ModelSettings):
    """`kind: anthropic`: the Claude API, or a gateway that speaks its Messages protocol."""

    SECRETS: ClassVar[tuple[str, ...]] = ("api_key",)

    kind: Literal["anthropic"] = "anthropic"
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    """How much the model puts into an answer; None leaves it to the model's default."""
    base_url: BaseUrl | None = None
    """None: the environment variable ANTHROPIC_BASE_URL, or else the public API."""
    api_key: SecretReference = "env:ANTHROPIC_API_KEY"
    """Reference to the key, `env:NAME` or `file:/path`; never the key itself."""

    @property
    def account(self) -> str:
        """The key's reference, and the gateway if it is not the public API."""
        return " ".join(filter(None, (self.api_key, self.base_url)))


KIND = RuntimeKind(
    kind="anthropic",
    shape=Shape.MODEL,
    summary="anthropic SDK, Messages API",
    settings=AnthropicSettings,
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
    implementation="activities.runtimes.anthropic:AnthropicRuntime",
    priced_as="anthropic",
)
