"""The doors of a fleet's gateway: who may post where, with the secrets that were declared."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from activities.notify.signatures import key_of
from activities.secrets import Secrets
from rota.failures import StepError
from rota.hook_spec import HookSpec, InboundSpec, Scheme, TopicHookSpec
from rota.kinds import Kind
from schedules.fleet import Fleet
from workers.gateway.rates import Bucket

SHORTEST_SECRET = 16
"""Characters of a secret of GitHub's or Slack's schemes: shorter ones are guessed."""
COMPLAINTS = 6
"""Lines a minute about deliveries that are not signed: a flood must not fill the log."""


class DoorError(Exception):
    """A secret that nobody could be known by; the message says where it is declared."""


@dataclass(frozen=True)
class Door:
    """One address that is posted to."""

    name: str
    """Of the agent, pipeline or topic."""
    spec: InboundSpec
    keys: tuple[bytes, ...] = field(repr=False)
    rate: Bucket
    complaints: Bucket = field(default_factory=lambda: Bucket(COMPLAINTS))


@dataclass(frozen=True)
class HookDoor(Door):
    """Starts runs of an agent or a pipeline."""

    spec: HookSpec
    kind: Kind = "Agent"


@dataclass(frozen=True)
class TopicDoor(Door):
    """Publishes events."""

    spec: TopicHookSpec


@dataclass(frozen=True)
class Doors:
    """All doors of a gateway."""

    hooks: Mapping[str, HookDoor] = field(default_factory=dict[str, HookDoor])
    topics: Mapping[str, TopicDoor] = field(default_factory=dict[str, TopicDoor])


NOBODYS = Door(
    "",
    InboundSpec(secrets=("env:NOBODYS",)),
    (secrets.token_bytes(32), secrets.token_bytes(32)),
    Bucket(1),
)
"""Stands where there is none, so that strangers cannot tell that. Nothing is signed for it."""


def doors_of(fleet: Fleet) -> Doors:
    """Open the doors that a fleet declares.

    Raises:
        DoorError: a secret is not there, or too short.
    """
    hooks = {
        name: HookDoor(
            name=name,
            spec=declared.spec.hook,
            keys=_keys(declared.spec.hook, f"{declared.source}: hook"),
            rate=Bucket(declared.spec.hook.per_minute),
            kind=declared.spec.kind,
        )
        for name, declared in fleet.declarations.items()
        if declared.spec.hook is not None
    }
    topics = {
        name: TopicDoor(
            name=name,
            spec=spec,
            keys=_keys(spec, f"fleet.yaml: gateway.events.{name}"),
            rate=Bucket(spec.per_minute),
        )
        for name, spec in fleet.file.gateway.events.items()
    }
    return Doors(hooks, topics)


def _keys(spec: InboundSpec, where: str) -> tuple[bytes, ...]:
    return tuple(
        _key(spec.scheme, reference, f"{where}.secrets[{index}]")
        for index, reference in enumerate(spec.secrets)
    )


def _key(scheme: Scheme, reference: str, where: str) -> bytes:
    try:
        secret = Secrets()(reference)
        if scheme is Scheme.STANDARD:
            return key_of(secret, reference)
    except (LookupError, StepError) as error:
        raise DoorError(f"{where}: {error}") from error
    if len(secret) < SHORTEST_SECRET:
        raise DoorError(
            f"{where}: {reference} is shorter than {SHORTEST_SECRET} characters: use a long "
            "random text"
        )
    return secret.encode()
