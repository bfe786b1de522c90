"""Gateways that providers call."""

from dataclasses import replace
from pathlib import Path

from activities.callbacks import Callbacks
from rota.fleet_file import FleetFile
from rota.hooks.gateway_spec import GatewaySpec
from schedules.fleet import Fleet
from tests.stack import Stack
from tests.workers.gateway.gateways import gateway_of
from workers.gateway.doors import Doors, doors_of
from workers.gateway.place import Gateway

SECRET = "sixteen letters and more"
"""Signs the addresses that runs give out."""
PATH = "/callbacks/claude-managed"
"""Where the webhook of Managed Agents posts."""


def doors() -> Doors:
    """Those of a fleet whose workspace has a webhook."""
    spec = {
        "url": "https://rota.example.com",
        "callbacks": {"claude-managed": {"secrets": ["env:MANAGED_HOOK"]}},
    }
    file = FleetFile(name="test", gateway=GatewaySpec.model_validate(spec))
    return doors_of(Fleet("test", Path(), {}, declared_file=file))


def taking(stack: Stack) -> Gateway:
    """A gateway that takes callbacks of both kinds."""
    callbacks = Callbacks(stack.store, "", SECRET)
    return replace(gateway_of(stack), callbacks=callbacks, doors=doors())
