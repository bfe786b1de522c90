"""`fleet.yaml`: what a fleet has in common: its name, its connections, where it may go.

Read by `rota validate` and by the workers, which look up connections by name. Secrets are
references; what is declared here is trusted, what a model says is not.
"""

from rota.audit.audit_spec import AuditSpec
from rota.connections import ConnectionName, Connections
from rota.hooks.gateway_spec import GatewaySpec
from rota.language.names import AgentName
from rota.security.keyring import EncryptionSpec
from rota.watchdog.watchdog_spec import WatchdogSpec

__all__ = ["ConnectionName", "FleetFile"]


class FleetFile(Connections):
    """`fleet.yaml`; every key is optional."""

    name: AgentName
    """Owner of everything this folder declares: two fleets on one server differ in it."""
    audit: AuditSpec = AuditSpec()
    """Who signs the record of runs."""
    watchdog: WatchdogSpec | None = None
    """Who notices what did not happen; None: nobody does."""
    gateway: GatewaySpec = GatewaySpec()
    """Who may ask `rota gateway` what."""
    encryption: EncryptionSpec | None = None
    """With which keys payloads and blobs are encrypted; None: they are not."""
