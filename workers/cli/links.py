"""Where to click: pages of the Temporal UI."""

import os
from urllib.parse import quote

from workers.cli.server import Link
from workers.connection import target_of
from workers.dev import DATABASE
from workers.dev_lock import running_dev
from workers.settings import Settings

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
    return page_of(base, namespace, run_id)


def page_of(ui: str, namespace: str, run_id: str) -> str:
    """Return the page of a run in the Temporal UI at `ui`."""
    return f"{ui}/namespaces/{quote(namespace, safe='')}/workflows/{quote(run_id, safe='')}"


def known_ui(settings: Settings) -> str:
    """Return where the Temporal UI is; empty if that is not certain."""
    if os.environ.get(UI_VARIABLE):
        return os.environ[UI_VARIABLE].rstrip("/")
    address, _ = target_of(settings)
    dev = running_dev(settings.fleet / DATABASE)
    if dev is not None and dev.ui and dev.address.rpartition(":")[2] == address.rpartition(":")[2]:
        return dev.ui
    return CLOUD_UI if address.rpartition(":")[0].endswith(".tmprl.cloud") else ""


def _ui(link: Link, address: str) -> str:
    local = address.rpartition(":")[0] in _LOCAL
    return known_ui(link.settings) or ("http://localhost:8233" if local else "")
