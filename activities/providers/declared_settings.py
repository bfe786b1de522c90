"""Reads a `runtime` block with its kind's model, for runtimes that get it as plain JSON."""

from typing import Any, TypeVar

from pydantic import ValidationError

from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import RuntimeSettings

S = TypeVar("S", bound=RuntimeSettings)


def read_settings(model: type[S], settings: dict[str, Any]) -> S:
    """Return the block as `model` reads it.

    Raises:
        StepError: `invalid_request`, naming the key; never shows a value, which may be a
            secret that somebody wrote into the wrong place.
    """
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in ("runtime", *first["loc"]))
        raise StepError(FailureCategory.INVALID_REQUEST, f"{where}: {first['msg']}") from None
