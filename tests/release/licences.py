"""What a package's metadata says of its licence, as SPDX names it, and whether that will do.

Rota is under Apache-2.0. What it brings along must let anybody use and hand on the whole under
that; tools that nobody is handed need only be known.
"""

import re
from email.message import Message
from importlib.metadata import PackageMetadata

COMPATIBLE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MIT-CMU",
    "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip
"""Permissive: they ask for their notice, and no more."""

REASONS = {
    "certifi": "MPL-2.0: holds for its own files, which are handed on as they are",
    "psycopg": "LGPL-3.0-only: a library of its own, unchanged, that anybody may replace",
    "psycopg-binary": "LGPL-3.0-only: the same, compiled",
}
"""Shipped packages under another licence, with why that will do."""

WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "GPL-3.0": "GPL-3.0-only",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What metadata says instead of SPDX's words, where it can mean one thing alone."""

READ = {
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "kubernetes-validate": "Apache-2.0",
    "nodeenv": "BSD-3-Clause",
    "promql-parser": "MIT",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
}
"""Where metadata does not say which, as their licence files have it."""

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*(?: (?:AND|OR|WITH) [A-Za-z0-9][A-Za-z0-9.+-]*)*")
VAGUE = {"", "UNKNOWN", "BSD", "BSD License", "Dual License", "Apache"}


def licence_of(name: str, metadata: PackageMetadata | Message) -> str:
    """Return the SPDX expression of a package; empty if its metadata does not tell."""
    said = [metadata["License-Expression"] or "", metadata["License"] or ""]
    said += [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    for words in map(str.strip, said):
        found = WORDS.get(words, words)
        if words not in VAGUE and ID.fullmatch(found):
            return found
    return READ.get(name, "")


def will_do(name: str, licence: str) -> bool:
    """Return whether a shipped package may be under that licence."""
    if name in REASONS:
        return REASONS[name].startswith(f"{licence}:")
    choices = licence.split(" OR ")
    return any(set(choice.split(" AND ")) <= COMPATIBLE for choice in choices)
