"""The key that signs bundles and checkpoints: read by reference, used here, shown to nobody.

Activity side. Ed25519 by `cryptography`; what checks signatures is `rota.audit.ed25519`.
"""

from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from rota.audit.seals import Signer

HEX_DIGITS = 64


class SigningKeyError(Exception):
    """The signing key is not there, or is none."""


def signer_of(reference: str | None, secrets: Callable[[str], str]) -> Signer | None:
    """Return what signs with the key behind `reference`; None if none is declared.

    Args:
        reference: `audit.signing_key` of `fleet.yaml`.
        secrets: Resolves references.

    Raises:
        SigningKeyError: nothing is there, or it is no Ed25519 key. Shows no part of it.
    """
    if reference is None:
        return None
    try:
        private = _read(secrets(reference))
    except LookupError as error:
        raise SigningKeyError(f"audit.signing_key of fleet.yaml: {error}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without its cause, which may show the key.
        raise SigningKeyError(
            f"audit.signing_key of fleet.yaml: {reference} holds no Ed25519 key; "
            "'openssl genpkey -algorithm ed25519' writes one"
        ) from None
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Signer(public.hex(), lambda message: private.sign(message).hex())


def _read(text: str) -> Ed25519PrivateKey:
    if len(text) == HEX_DIGITS:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
    private = load_pem_private_key(text.encode(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError("another kind of key")
    return private
