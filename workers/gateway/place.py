"""What every route of the gateway is given: the server, the store, the fleet, who may come."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cached_property

from temporalio.client import Client

from activities.callbacks import Callbacks
from activities.stores.base import ObjectStore
from rota.approvals.links import ApprovalLinks
from rota.fleet_file import FleetFile
from workers.codec_server import PayloadReader
from workers.exporter.exporter import Exporter
from workers.gateway.access import Access
from workers.gateway.counting import Deliveries
from workers.gateway.doors import Doors
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
    doors: Doors = field(default_factory=Doors)
    """Who may post where."""
    callbacks: Callbacks | None = None
    """Takes the answers of providers; None: workers do, or nobody."""
    opens: PayloadReader | None = None
    """Decrypts payloads for `readers`; None: for nobody."""
    readers: Mapping[str, Access] = field(default_factory=dict[str, Access])
    """Who may have payloads decrypted, by name; empty: whoever comes."""
    links: ApprovalLinks | None = None
    """Reads the links by which people decide on calls; None: there are none."""
    deliveries: Deliveries = field(default_factory=Deliveries)
    """How what was posted has been answered so far."""
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What routes opened, closed once the last request has been answered."""

    @cached_property
    def exporter(self) -> Exporter:
        """Looks at the fleet, once for all routes that tell of it."""
        watchdog = self.fleet.watchdog
        every = watchdog.every if watchdog else None
        exporter = Exporter(self.client, self.fleet.name, every)
        self.closing.push_async_callback(exporter.aclose)
        return exporter
