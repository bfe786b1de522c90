"""What every route of the gateway is given: the server, the store, the fleet, who may come."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from temporalio.client import Client

from activities.stores.base import ObjectStore
from rota.fleet_file import FleetFile
from workers.gateway.access import Access
from workers.settings import Settings


@dataclass(frozen=True)
class Gateway:
    """One gateway."""

    client: Client
    store: ObjectStore
    settings: Settings
    fleet: FleetFile
    """As read at the start: a change of `fleet.yaml` needs a new process."""
    access: Access = field(default_factory=Access)
    ui: str = ""
    """Where the Temporal UI is, if anybody has said so."""
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What routes opened, closed once the last request has been answered."""
