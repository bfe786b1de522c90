"""`fleet.yaml`: what a fleet has in common: its name, its connections, where it may go.

Read by `rota validate` and by the workers, which look up connections by name. Secrets are
references; what is declared here is trusted, what a model says is not.
"""

from typing import Annotated

from pydantic import StringConstraints

from rota.model import Declared
from rota.names import AgentName

ConnectionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]


class FleetFile(Declared):
    """`fleet.yaml`; every key is optional."""

    name: AgentName
    """Owner of everything this folder declares: two fleets on one server differ in it."""
