"""Calls without an answer: what each kind of error means, whatever library raised it. Pure."""

from rota.failures import FailureCategory

Kinds = tuple[tuple[type[Exception], FailureCategory, bool], ...]
"""Kinds of errors, the first that fits wins: category, and whether the request may have arrived."""


def kind_of(error: Exception, kinds: Kinds) -> tuple[FailureCategory, bool]:
    """Return what an error means; one of no kind is a mistake of ours."""
    return next(
        ((category, arrived) for kind, category, arrived in kinds if isinstance(error, kind)),
        (FailureCategory.BUG, False),
    )
