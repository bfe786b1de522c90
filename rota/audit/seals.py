"""Statements that are signed: the seal of a bundle, the index of several.

Pure: whoever holds the private key hands in what signs with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rota.audit.chain import Chain
from rota.model import canonical_json


@dataclass(frozen=True)
class Signer:
    """A signing key at work."""

    key: str
    """Its public key, hexadecimal."""
    sign: Callable[[bytes], str]
    """From a message to its Ed25519 signature, hexadecimal."""


def sealed(statement: dict[str, Any], signer: Signer | None) -> dict[str, Any]:
    """Return `statement` with its signature; both are empty if there is no key."""
    return {
        "statement": statement,
        "key": signer.key if signer else "",
        "signature": signer.sign(canonical_json(statement)) if signer else "",
    }


def seal_of(chain: Chain, run: str, manifest: str) -> dict[str, Any]:
    """Return what seals a bundle: every record's hash, so that the first bad one can be named.

    Args:
        chain: Of the bundle.
        run: Key of the run.
        manifest: Digest of the manifest, which covers every file.
    """
    hashes = [record.hash for record in chain.records]
    return {"format": "rota-seal/1", "run": run, "hashes": hashes, "manifest": manifest}


def index_of(bundles: dict[str, str]) -> dict[str, Any]:
    """Return what seals several bundles: the head of each, by its folder."""
    runs = [{"folder": folder, "head": head} for folder, head in sorted(bundles.items())]
    return {"format": "rota-index/1", "runs": runs}
