"""Gateways with doors, and what is posted to them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx2

from rota.hooks.gateway_spec import GatewaySpec
from rota.hooks.spec import HookSpec, Scheme, TopicHookSpec
from rota.kinds import Kind
from tests.deliveries import RAW, Posted, now_signed
from tests.stack import Stack
from tests.workers.gateway.gateways import gateway_of
from workers.gateway.doors import Doors, HookDoor, TopicDoor
from workers.gateway.place import Gateway
from workers.gateway.rates import Bucket


def hook_door(name: str, kind: Kind = "Agent", **keys: Any) -> HookDoor:
    """A door that starts runs."""
    spec = HookSpec.model_validate({"secrets": ["env:S"], **keys})
    return HookDoor(name, spec, (RAW,), Bucket(spec.per_minute), kind=kind)


def topic_door(name: str, **keys: Any) -> TopicDoor:
    """A door that publishes events."""
    spec = TopicHookSpec.model_validate({"secrets": ["env:S"], **keys})
    return TopicDoor(name, spec, (RAW,), Bucket(spec.per_minute))


def gateway_with(stack: Stack, *doors: HookDoor | TopicDoor, **block: Any) -> Gateway:
    """A gateway of the stack with these doors and a `gateway:` block."""
    hooks = {each.name: each for each in doors if isinstance(each, HookDoor)}
    topics = {each.name: each for each in doors if isinstance(each, TopicDoor)}
    plain = gateway_of(stack)
    fleet = plain.fleet.model_copy(update={"gateway": GatewaySpec.model_validate(block)})
    return replace(plain, fleet=fleet, doors=Doors(hooks, topics))


async def post(
    asking: httpx2.AsyncClient, path: str, posted: Posted | Mapping[str, Any], id: str = "msg_1"
) -> httpx2.Response:
    """Post a delivery; of a document, one that is signed now by Standard Webhooks."""
    if not isinstance(posted, Posted):
        posted = now_signed(Scheme.STANDARD, id, posted)
    return await asking.post(path, content=posted.body, headers=dict(posted.headers))
