"""`kind: openai`: any server that speaks OpenAI's chat completions."""

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from rota.runtime_specs.base import BaseUrl, ModelSettings, SecretReference
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape

_RESERVED = frozenset({"model", "messages", "tools", "stream", "stream_options", "n"})
_OWN_HEADERS = frozenset({"authorization", "content-type", "content-length", "host"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class OpenAISettings(ModelSettings):
    """`kind: openai`: any server that speaks OpenAI's chat completions."""

    SECRETS: ClassVar[tuple[str, ...]] = ("api_key", "headers")

    kind: Literal["openai"] = "openai"
    base_url: BaseUrl | None = None
    """Up to and with the version: `http://127.0.0.1:4000/v1`. None: the environment variable
    OPENAI_BASE_URL, or else OpenAI itself."""
    api_key: SecretReference | None = "env:OPENAI_API_KEY"
    """Reference to the key, `env:NAME` or `file:/path`; null for a server that wants none."""
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    """Sent with every request; a value may be a reference to a secret, `env:NAME`."""
    effort: str | None = Field(default=None, min_length=1)
    """How much the model thinks, as it names it (`low`, `medium`, `high`); None leaves it to
    the model's default."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens_parameter: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """What the server calls the limit `max_output_tokens`; older ones know `max_tokens` only."""
    stream: bool = True
    """Whether answers come in pieces; false for servers that cannot."""
    resend: tuple[str, ...] = ()
    """Fields of its messages that the server wants back with the conversation:
    `reasoning_details` (OpenRouter), `reasoning_content` (DeepSeek)."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More keys of the request's body, as the server defines them."""
    price_as: str | None = None
    """Whose prices the model has, by the price table's id (`mistral`, `aws`): a gateway's
    models belong to others. None: OpenAI's, if `base_url` is left out, else nobody's."""

    @field_validator("extra")
    @classmethod
    def _adds_only(cls, extra: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(_RESERVED & extra.keys()):
            raise ValueError(f"{', '.join(taken)}: set by Rota itself")
        return extra

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f"'{name}' cannot be the name of a header")
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name}: set by Rota itself; a key goes into api_key")
            # The value stays out of the message: it may be the secret itself.
            if not value.isascii() or not value.isprintable():
                raise ValueError(f"{name}: holds characters that no header may have")
        return headers

    @property
    def account(self) -> str:
        """The server, and the key's reference."""
        return " ".join(filter(None, (self.api_key, self.base_url)))

    @property
    def prices(self) -> str | None:
        """Nobody's, by table, for a server of one's own, unless it is said whose."""
        return self.price_as or (None if self.base_url is None else "")


KIND = RuntimeKind(
    kind="openai",
    shape=Shape.MODEL,
    summary="httpx2, chat completions of OpenAI, LiteLLM, OpenRouter, vLLM, Ollama",
    settings=OpenAISettings,
    capabilities=Capabilities(
        reattach=True,
        stream=True,
        tools=True,
        converse=True,
        cancel=True,
        usage=True,
        remains="a call whose answer was lost may be billed; it is counted as unknown, "
        "and asked again; what it cost is told by LiteLLM and OpenRouter alone",
    ),
    implementation="activities.runtimes.openai:OpenAIRuntime",
    priced_as="openai",
)
