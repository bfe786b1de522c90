"""What `fleet.yaml` says of the audit record: who signs it, and how long it is kept."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from rota.audit.ed25519 import public_key
from rota.language.durations import Duration
from rota.language.names import AgentName
from rota.model import Declared
from rota.runtime_specs.base import SecretReference

_KEY = r"[0-9a-f]{64}"


def _public_key(value: str) -> str:
    try:
        return public_key(value).hex()
    except ValueError as error:
        raise ValueError(
            "write the public key as 64 hexadecimal digits: 'rota audit key' prints it"
        ) from error


PublicKey = Annotated[
    str, AfterValidator(_public_key), WithJsonSchema({"type": "string", "pattern": f"^{_KEY}$"})
]


class OldKey(Declared):
    """A public key that signed before."""

    key: PublicKey
    """The Ed25519 public key: 64 hexadecimal digits."""
    until: date
    """Last day that it vouches for, UTC: it signed nothing of runs that ended later."""


class AuditSpec(Declared):
    """The `audit` block."""

    signing_key: SecretReference | None = None
    """Secret that holds the Ed25519 key that signs bundles and checkpoints: PEM, or 64 hexadecimal
    digits. Without it they are not signed."""
    old_keys: tuple[OldKey, ...] = ()
    """Public keys that signed before: `rota audit verify` trusts them, too, for what was then."""
    retention: dict[AgentName, Duration] = Field(default_factory=dict[AgentName, Duration])
    """How long archived runs are kept, by class: `default` is of agents that name none. What has no
    class here is kept for ever."""
