"""The `gateway:` block of fleet.yaml: who may ask the gateway what. Secrets are references."""

import ipaddress
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rota.coordination.spec import EventName
from rota.hooks.spec import TopicHookSpec
from rota.language.names import AgentName
from rota.model import Declared
from rota.runtime_specs.base import SecretReference

MOST_READERS = 50
MOST_SECRETS = 2
"""The one in use and, while it is being exchanged, the one before."""
MOST_WORKSPACES = 10
_URL = r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"


def _origin(value: str) -> str:
    scheme, separator, host = value.partition("://")
    if scheme not in ("http", "https") or not separator or not host or set(host) & set("/*?#@ "):
        raise ValueError(
            "write the scheme and host of a page, such as https://temporal.example.com, without "
            "a path and without *"
        )
    return value.lower()


def _public(value: str) -> str:
    found = re.fullmatch(_URL, value)
    if found is None:
        raise ValueError(
            "write where people reach the gateway, such as https://rota.example.com, without a "
            "user and without ? and #"
        )
    scheme, host = found[1], found[2].strip("[]")
    if scheme == "http" and not _is_this_machine(host):
        raise ValueError("links are as good as keys: write https (http on this machine alone)")
    return value.rstrip("/")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


CallingKind = Literal["claude-managed"]
"""Kinds whose provider has one webhook for all its sessions, and signs it."""
Origin = Annotated[str, AfterValidator(_origin)]
PublicUrl = Annotated[str, AfterValidator(_public)]


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


class LinksSpec(Declared):
    """Links by which people decide on calls that wait for an approval."""

    secret: Annotated[
        tuple[SecretReference, ...],
        BeforeValidator(_as_list),
        Field(min_length=1, max_length=MOST_SECRETS),
    ]
    """What links are signed with; of two the first signs, and links of both count."""


class CallbackSpec(Declared):
    """Webhooks of a provider that tell of sessions which runs may wait for."""

    secrets: tuple[SecretReference, ...] = Field(min_length=1, max_length=MOST_WORKSPACES)
    """Of the provider's webhooks: any of them signs, one for each workspace."""


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
    url: PublicUrl | None = None
    """Where people reach the gateway, and providers: links begin with it, and the addresses that
    runs give out for callbacks."""
    links: LinksSpec | None = None
    """Links by which people decide on calls. None: there are none."""
    callbacks: dict[CallingKind, CallbackSpec] = Field(
        default_factory=dict[CallingKind, CallbackSpec]
    )
    """Runtime kinds whose webhooks, `POST /callbacks/<kind>`, wake runs with `callback: true`."""

    @model_validator(mode="after")
    def _links_lead_somewhere(self) -> Self:
        if self.links is not None and self.url is None:
            raise ValueError("links need url: where people reach the gateway")
        if self.callbacks and self.url is None:
            raise ValueError("callbacks need url: where providers reach the gateway")
        return self
