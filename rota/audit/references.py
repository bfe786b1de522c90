"""Which objects of the store some bytes refer to.

Pure. Digests stand in JSON, in histories and in names of refs, as 64 hexadecimal digits. Whatever
looks like one counts, wherever it stands: a form of record that is yet to come loses nothing, and
a text that quotes a digest keeps an object for nothing. Hexadecimal text without end, such as a
dump, is taken for a row of digests: each place of it for one would be millions.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, cast

from rota.audit.histories import payloads_in
from rota.audit.run_record import ExecutionHistory

DIGITS = 64
LONGEST = 4 * DIGITS
"""Digits in a row that may hold a digest at any place: a byte that says a length, or an ordinal,
may stand before one and look like a digit."""
_HEX = re.compile(rb"[0-9a-f]{64,}")
_LEDGER = b'"admitted_at"'


def digests_in(data: bytes) -> Iterator[str]:
    """Yield whatever in `data` may be a digest."""
    for match in _HEX.finditer(data):
        run = match[0].decode("ascii")
        step = 1 if len(run) <= LONGEST else DIGITS
        for at in range(0, len(run) - DIGITS + 1, step):
            yield run[at : at + DIGITS]


def digests_in_histories(executions: Iterable[ExecutionHistory]) -> set[str]:
    """Return whatever in the values of histories may be a digest."""
    found: set[str] = set()
    for execution in executions:
        for payload in payloads_in(execution.history):
            try:
                found |= set(digests_in(base64.b64decode(str(payload.get("data", "")))))
            except binascii.Error:
                continue  # no value of ours
    return found


def without_gone(data: bytes, gone: Collection[str]) -> bytes:
    """Return `data` without the results that ledgers name of runs that are gone.

    A ledger keeps its entries for good, but it is no reason to keep a result whose retention is
    over, or that was erased. All else that is said of such a run still counts.

    Args:
        data: Of an object, or of a payload.
        gone: Keys of those runs.
    """
    if not gone or _LEDGER not in data:
        return data
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    return json.dumps(_pruned(document, gone)).encode()


def _pruned(value: Any, gone: Collection[str]) -> Any:
    if isinstance(value, list):
        return [_pruned(each, gone) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    known = cast("dict[str, Any]", value)
    run = known.get("run")
    key = cast("dict[str, Any]", run).get("key") if isinstance(run, dict) else None
    is_entry = "admitted_at" in known and key in gone
    return {
        name: _pruned(each, gone)
        for name, each in known.items()
        if not (is_entry and name == "output")
    }
