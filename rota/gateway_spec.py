"""The `gateway:` block of fleet.yaml: who may ask the gateway what. Secrets are references."""

from typing import Annotated

from pydantic import AfterValidator, Field

from rota.coordination_spec import EventName
from rota.hook_spec import TopicHookSpec
from rota.model import Declared
from rota.names import AgentName
from rota.runtime_specs.base import SecretReference

MOST_READERS = 50


def _origin(value: str) -> str:
    scheme, separator, host = value.partition("://")
    if scheme not in ("http", "https") or not separator or not host or set(host) & set("/*?#@ "):
        raise ValueError(
            "write the scheme and host of a page, such as https://temporal.example.com, without "
            "a path and without *"
        )
    return value.lower()


Origin = Annotated[str, AfterValidator(_origin)]


class DecodeSpec(Declared):
    """Who may have payloads decrypted, for the Temporal UI and command line."""

    readers: dict[AgentName, SecretReference] = Field(
        default_factory=dict[AgentName, SecretReference], max_length=MOST_READERS
    )
    """Tokens by the name that stands in the log: `Authorization: Bearer …`, or as the password of
    any user. Empty: everybody may, and the gateway listens on loopback alone."""
    origins: tuple[Origin, ...] = ()
    """Pages that may ask, such as the Temporal UI's `http://localhost:8233`: exactly these."""
    per_minute: int = Field(default=6000, ge=1, le=100_000)
    """Requests of one reader; the UI makes one for each payload of a page."""


class GatewaySpec(Declared):
    """What `rota gateway` of this fleet asks of those who come to it."""

    token: SecretReference | None = None
    """Secret that whoever reads `/metrics` sends: `Authorization: Bearer …`, or as the password
    of any user. None: everybody may, and the gateway listens on loopback alone."""
    max_body_bytes: int = Field(default=1024 * 1024, ge=1024, le=16 * 1024 * 1024)
    """Of a webhook's delivery; a larger one is refused as soon as it is."""
    events: dict[EventName, TopicHookSpec] = Field(default_factory=dict[EventName, TopicHookSpec])
    """Who may publish which events by posting to `/events/<topic>`."""
    decode: DecodeSpec | None = None
    """Who may have payloads decrypted at `/decode`. None: nobody."""
