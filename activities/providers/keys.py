"""The secrets behind a `runtime` block, read and checked before anything is sent."""

from rota.failures import FailureCategory, StepError
from rota.tools import SecretReader


def read_key(resolve: SecretReader, reference: str, where: str = "runtime.api_key") -> str:
    """Return the value behind `reference`, without the line end that files have.

    Args:
        resolve: Reads references.
        reference: `env:NAME` or `file:/path`.
        where: The setting that names it.

    Raises:
        StepError: `auth`: there is none, or it cannot be sent in a header. The value is
            not shown.
    """
    try:
        key = resolve(reference).strip()
    except LookupError as error:
        raise StepError(FailureCategory.AUTH, f"{where}: {error}") from None
    if not key or not key.isascii() or not key.isprintable():
        raise StepError(
            FailureCategory.AUTH, f"{where}: {reference} is empty or holds characters no key has"
        )
    return key
