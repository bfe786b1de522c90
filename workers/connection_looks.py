"""What `rota doctor` asks the connections that the agents' tools work with.

Whose credentials these are, or the least there is to read: nothing is written, nothing sent.
"""

import logging
from functools import partial

from activities.secrets import Secrets
from activities.tools.open import ConnectionProbe, connection_probes
from rota.failures import FailureCategory, StepError
from rota.tools import ToolContext, ToolError
from workers.checked_fleet import CheckedFleet
from workers.checks import Check
from workers.looks import Look

_CURES = {
    FailureCategory.AUTH: "set the secret where the worker runs, or get a new one",
    FailureCategory.INVALID_REQUEST: "mend it in fleet.yaml",
}
_REACH = "see that it is up, and that this machine reaches it"


def connection_looks(checked: CheckedFleet) -> list[Look]:
    """Return one look for each connection that an agent's tool works with."""
    probes = connection_probes(checked.fleet.file, checked.connections)
    return [
        Look(title, partial(_take, title, probe, checked))
        for place, probe in probes.items()
        for title in (f"connection {place}",)
    ]


async def _take(title: str, probe: ConnectionProbe, checked: CheckedFleet) -> Check:
    secrets = Secrets()
    context = ToolContext(
        idempotency_key="doctor",
        agent="doctor",
        run_id="doctor",
        slot=None,
        fleet=checked.fleet.folder,
        input={},
        heartbeat=lambda _: None,
        log=logging.getLogger(__name__),
        secrets=secrets,
        connections=checked.fleet.file,
    )
    try:
        return Check(title, True, secrets.redact(await probe(context)))
    except StepError as error:
        cure = _CURES.get(error.category, _REACH)
        return Check(title, False, secrets.redact(str(error)), cure)
    except ToolError as error:
        return Check(title, False, secrets.redact(str(error)), "check its address in fleet.yaml")
