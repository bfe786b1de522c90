"""The `gateway:` block of fleet.yaml: who may ask the gateway what. Secrets are references."""

from rota.model import Declared
from rota.runtime_specs.base import SecretReference


class GatewaySpec(Declared):
    """What `rota gateway` of this fleet asks of those who come to it."""

    token: SecretReference | None = None
    """Secret that whoever reads `/metrics` sends: `Authorization: Bearer …`, or as the password
    of any user. None: everybody may, and the gateway listens on loopback alone."""
