"""What `rota keys` prints."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from rota.security.keyring import Key
from workers.cli.output import print_json, print_table, remark, table
from workers.key_use import CLOSED, PLACES, PLAIN, KeyUse

NO_KEYS = (
    "no keys are declared: 'rota keys new FILE' makes one, and encryption: {keys: [...]} in "
    "fleet.yaml or ROTA_ENCRYPTION_KEYS names it"
)


@dataclass(frozen=True)
class KeysFound:
    """The keys that are here, and those that are needed."""

    here: tuple[str, ...]
    """The one in use first."""
    strict: bool
    use: KeyUse

    @property
    def missing(self) -> list[str]:
        """Keys that are not here, though something open or stored needs them."""
        return [
            key
            for key in self.use.keys
            if key != PLAIN and key not in self.here and self._waits(key)
        ]

    def removable(self, key_id: str) -> bool:
        """True of a key before the one in use that nothing needs any more, closed runs aside."""
        return key_id in self.here[1:] and not self._waits(key_id)

    @property
    def told(self) -> list[str]:
        """Ids of keys, those here first; `PLAIN` last, if something is not encrypted."""
        others = [key for key in self.use.keys if key not in self.here and key != PLAIN]
        return [*self.here, *others, *([PLAIN] if PLAIN in self.use.keys else ())]

    def _waits(self, key_id: str) -> bool:
        return any(self.use.places[place][key_id] for place in PLACES if place != CLOSED)


def tell_key(key: Key, file: Path | None, *, as_json: bool) -> None:
    """Tell of a new key; the key itself only if no file holds it."""
    if as_json:
        place, text = (str(file), None) if file else (None, key.text)
        print_json({"key_id": key.id, "file": place, "key": text})
    elif file is None:
        click.echo(key.text)
        remark(f"{key.id}; keep a copy apart from server and store")
    else:
        click.echo(f"{key.id} in {file}")
        remark(f'name it in fleet.yaml: encryption: {{keys: ["file:{file.absolute()}"]}}')
        remark("keep a copy apart from server and store: what it encrypts is lost without it")


def document_of(found: KeysFound) -> dict[str, Any]:
    """What `rota keys check --json` prints."""
    return {
        "active": found.here[0],
        "strict": found.strict,
        "keys": [
            {
                "key_id": key,
                "here": key in found.here,
                "needed": found.use.needed(key),
                "places": {place: found.use.places[place][key] for place in PLACES},
            }
            for key in found.told
        ],
    }


def print_keys(found: KeysFound) -> None:
    """Print one line per key, and what may be done."""
    made = table("KEY", "", *(place.upper() for place in PLACES), right=PLACES)
    for key in found.told:
        counts = [str(found.use.places[place][key]) for place in PLACES]
        made.add_row("not encrypted" if key == PLAIN else key, _state(found, key), *counts)
    print_table(made)
    if any(found.removable(key) for key in found.here):
        remark("a key that may be removed: take it out of its file; closed runs that need it can")
        remark("then be listed, but not be read")


def _state(found: KeysFound, key: str) -> str:
    if key == PLAIN:
        return "refused" if found.strict else ""
    if key == found.here[0]:
        return "in use"
    if key not in found.here:
        return "MISSING" if key in found.missing else "gone"
    return "may be removed" if found.removable(key) else "needed"
