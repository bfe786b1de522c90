"""Where to click: pages of the Temporal UI."""

import os
from urllib.parse import quote

from workers.cli.server import Link
from workers.connection import target_of
from workers.dev import DATABASE
from workers.dev_lock import running_dev

UI_VARIABLE = "ROTA_UI"
"""Address of the Temporal UI, where it is not that of `rota dev`."""
CLOUD_UI = "https://cloud.temporal.io"
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def run_link(link: Link, run_id: str) -> str:
    """Return the page of a run; empty if nobody knows where the UI is."""
    address, namespace = target_of(link.settings)
    base = _ui(link, address)
    if not base:
        return ""
    return f"{base}/namespaces/{quote(namespace)}/workflows/{quote(run_id, safe='')}"


def _ui(link: Link, address: str) -> str:
    if os.environ.get(UI_VARIABLE):
        return os.environ[UI_VARIABLE].rstrip("/")
    dev = running_dev(link.settings.fleet / DATABASE)
    if dev is not None and dev.ui and dev.address.rpartition(":")[2] == address.rpartition(":")[2]:
        return dev.ui
    host = address.rpartition(":")[0]
    if host in _LOCAL:
        return "http://localhost:8233"
    return CLOUD_UI if host.endswith(".tmprl.cloud") else ""
