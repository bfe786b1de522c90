"""Where a process finds its server, its fleet and its store.

Read once at the start, from arguments and environment; nothing below asks the
environment again. The server's address, namespace, TLS and API key follow Temporal's own
environment configuration (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_PROFILE`,
a TOML file, …), so whatever the `temporal` CLI can reach, Rota can.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from rota.ids import TASK_QUEUE

STORE_FOLDER = Path(".rota/store")
"""Default store, relative to the fleet: found by every command run in that fleet."""


_SWITCH = {"": None, "1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class SettingsError(ValueError):
    """The environment says something that cannot be read."""


@dataclass(frozen=True)
class Settings:
    """One process's settings."""

    fleet: Path
    """Folder of the fleet: declarations and `tools.py`."""
    store: str
    """Address of the object store, as `activities.stores.open` reads it."""
    task_queue: str = TASK_QUEUE
    address: str | None = None
    """Overrides Temporal's environment configuration, as does `namespace`."""
    namespace: str | None = None
    keys: tuple[str, ...] = ()
    """References to the keys, in place of `encryption.keys` of `fleet.yaml`."""
    strict: bool | None = None
    """In place of `encryption.strict`; None: as declared."""
    allow_plaintext: bool = False
    """Let a server beyond this machine be talked to without TLS."""

    @staticmethod
    def read(
        fleet: Path | None = None,
        *,
        store: str | None = None,
        task_queue: str | None = None,
        address: str | None = None,
        namespace: str | None = None,
        allow_plaintext: bool = False,
    ) -> "Settings":
        """Combine arguments with the environment; an argument wins.

        Variables: `ROTA_FLEET`, `ROTA_STORE`, `ROTA_TASK_QUEUE`, `ROTA_ENCRYPTION_KEYS`,
        `ROTA_ENCRYPTION_STRICT`, `ROTA_ALLOW_PLAINTEXT`.

        Raises:
            SettingsError: a variable that is on or off is neither.
        """
        environ = os.environ
        folder = fleet or Path(environ.get("ROTA_FLEET", "."))
        default_store = str((folder / STORE_FOLDER).absolute())
        return Settings(
            fleet=folder,
            store=store or environ.get("ROTA_STORE") or default_store,
            task_queue=task_queue or environ.get("ROTA_TASK_QUEUE") or TASK_QUEUE,
            address=address,
            namespace=namespace,
            keys=tuple(environ.get("ROTA_ENCRYPTION_KEYS", "").replace(",", " ").split()),
            strict=_switch("ROTA_ENCRYPTION_STRICT"),
            allow_plaintext=allow_plaintext or _switch("ROTA_ALLOW_PLAINTEXT") or False,
        )


def _switch(name: str) -> bool | None:
    value = os.environ.get(name, "").strip().lower()
    if value not in _SWITCH:
        raise SettingsError(f"{name} is '{value}': write true or false")
    return _SWITCH[value]
