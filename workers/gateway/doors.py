"""The doors of a fleet's gateway: who may post where, with the secrets that were declared."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from activities.notify.signatures import key_of
from activities.secrets import Secrets
from rota.failures import StepError
from rota.hooks.spec import HookSpec, InboundSpec, Scheme, TopicHookSpec
from rota.kinds import Kind
from schedules.fleet import Fleet
from workers.gateway.rates import Bucket

SHORTEST_SECRET = 16
"""Characters of a secret of GitHub's or Slack's schemes: shorter ones are guessed."""
CALLS_PER_MINUTE = 6000
"""Calls of one kind that are taken: a workspace tells of all its sessions."""
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
    callers: Mapping[str, Door] = field(default_factory=dict[str, Door])
    """Webhooks that tell of sessions, by the kind of runtime."""


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
        name: HookDoor(name, spec, _keys(spec, where), Bucket(spec.per_minute), kind=kind)
        for name, where, spec, kind in _hooks(fleet)
    }
    topics = {
        name: TopicDoor(name, spec, _keys(spec, where), Bucket(spec.per_minute))
        for name, where, spec in _topics(fleet)
    }
    callers = {
        kind: Door(f"callbacks of {kind}", spec, _keys(spec, where), Bucket(spec.per_minute))
        for kind, where, spec in _callers(fleet)
    }
    return Doors(hooks, topics, callers)


def door_problems(fleet: Fleet) -> tuple[int, list[DoorError]]:
    """Return how many secrets the doors of a fleet need, and why some cannot be used here."""
    declared: list[tuple[str, InboundSpec]] = [
        *((where, spec) for _, where, spec, _ in _hooks(fleet)),
        *((where, spec) for _, where, spec in _topics(fleet)),
        *((where, spec) for _, where, spec in _callers(fleet)),
    ]
    problems: list[DoorError] = []
    for where, spec in declared:
        for index, reference in enumerate(spec.secrets):
            try:
                _key(spec.scheme, reference, f"{where}.secrets[{index}]")
            except DoorError as error:
                problems.append(error)
    return sum(len(spec.secrets) for _, spec in declared), problems


def _hooks(fleet: Fleet) -> Iterator[tuple[str, str, HookSpec, Kind]]:
    for name, declared in fleet.declarations.items():
        if declared.spec.hook is not None:
            yield name, f"{declared.source}: hook", declared.spec.hook, declared.spec.kind


def _topics(fleet: Fleet) -> Iterator[tuple[str, str, TopicHookSpec]]:
    for name, spec in fleet.file.gateway.events.items():
        yield name, f"fleet.yaml: gateway.events.{name}", spec


def _callers(fleet: Fleet) -> Iterator[tuple[str, str, InboundSpec]]:
    for kind, callbacks in fleet.file.gateway.callbacks.items():
        # Unchecked: there may be more of them than of a hook, one for each workspace.
        spec = InboundSpec.model_construct(secrets=callbacks.secrets, per_minute=CALLS_PER_MINUTE)
        yield kind, f"fleet.yaml: gateway.callbacks.{kind}", spec


def _keys(spec: InboundSpec, where: str) -> tuple[bytes, ...]:
    return tuple(
        _key(spec.scheme, reference, f"{where}.secrets[{index}]")
        for index, reference in enumerate(spec.secrets)
    )


def _key(scheme: Scheme, reference: str, where: str) -> bytes:
    try:
        secret = Secrets("this environment")(reference)
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
