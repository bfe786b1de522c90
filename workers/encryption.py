"""The encryption that a process works with: keys from the environment, else from `fleet.yaml`.

Every command, worker and server process opens its store and connects through here, so that none
can write in the clear what the others encrypt.
"""

from pydantic import ValidationError

from activities.encryption.encryption import Encryption
from activities.encryption.keys import Keys
from activities.stores.base import ObjectStore
from activities.stores.open import open_store
from rota.security.keyring import EncryptionSpec
from schedules.declaration_errors import DeclarationErrors
from schedules.fleet import FLEET_FILE, load_fleet_file
from workers.settings import Settings, SettingsError
from workers.target import target_of


def encryption_of(settings: Settings) -> Encryption | None:
    """Return what to encrypt with; None if no keys are declared.

    Raises:
        DeclarationErrors: `fleet.yaml` has errors, and speaks of encryption.
        SettingsError: ROTA_ENCRYPTION_KEYS names something that is no reference.
        KeySourceError: a secret that should hold keys is not there, or holds none.
        UnreachableError: the namespace cannot be told.
    """
    spec = _declared(settings)
    if spec is None:
        return None
    strict = spec.strict if settings.strict is None else settings.strict
    return Encryption(Keys(spec.keys), target_of(settings)[1], strict)


def store_of(settings: Settings) -> ObjectStore:
    """Open the store of a process, encrypted if keys are declared.

    Raises:
        StoreError: its address cannot be understood.
        DeclarationErrors, SettingsError, KeySourceError, UnreachableError: as `encryption_of`.
    """
    return open_store(settings.store, encryption_of(settings))


def _declared(settings: Settings) -> EncryptionSpec | None:
    if not settings.keys:
        try:
            return load_fleet_file(settings.fleet).encryption
        except DeclarationErrors:
            # A fleet is to be stopped even by those who have just broken its file.
            if "encryption" in (settings.fleet / FLEET_FILE).read_text(errors="replace"):
                raise
            return None
    try:
        return EncryptionSpec(keys=settings.keys)
    except ValidationError:
        # Without the value: it may be a key itself.
        raise SettingsError(
            "ROTA_ENCRYPTION_KEYS: write references, env:NAME or file:/path, never a key itself"
        ) from None
