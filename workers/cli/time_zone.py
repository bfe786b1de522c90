"""Names of time zones: this machine's own, and whether there is one of that name."""

import os
import zoneinfo
from pathlib import Path


class TimeZoneError(ValueError):
    """There is no such zone."""


def checked_zone(name: str) -> str:
    """Return `name` if it can be declared.

    Raises:
        TimeZoneError: there is no such zone.
    """
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeZoneError(f"no time zone '{name}': write one such as Europe/Berlin") from error
    return name


def machines_zone() -> str:
    """Return what TZ or /etc/localtime names; UTC if neither tells a name."""
    if given := os.environ.get("TZ", "").lstrip(":"):
        return given
    _, _, name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")
    return name or "UTC"
