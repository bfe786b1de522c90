"""The keys of a run, filled from its input: of its session, of `dedupe`, of fairness.

Pure. A key is text, and equal values give equal text whatever their JSON type. A value
that is missing or null is an error: runs that lack it would otherwise all share one key.
"""

from typing import Any

from rota.language.templates import TemplateError, render
from rota.model import Record, canonical_json, digest_of
from rota.pinned_spec import PinnedSpec

DEDUPE_BYTES = 200
"""Longer keys are shortened: each is kept in the keeper's state, with its run."""
FAIRNESS_BYTES = 64
"""No server takes a longer one."""
_DIGEST = 16
"""Hexadecimal digits that keep two shortened texts apart."""


class RunKeys(Record):
    """The keys of one run."""

    session: str
    dedupe: str = ""
    """Empty: the agent's runs have no key."""


def run_keys(spec: PinnedSpec, input: dict[str, Any]) -> RunKeys:
    """Fill the keys under which the keeper files a run with that (merged) input.

    Raises:
        TemplateError: a value is missing, null or, for `dedupe`, empty; the message names
            the key.
    """
    session = _fill("session key", spec.session_key, input)
    if spec.dedupe_key is None:
        return RunKeys(session=session)
    dedupe = _fill("dedupe key", spec.dedupe_key, input)
    if not dedupe:
        raise TemplateError(f"dedupe key '{spec.dedupe_key}': it is empty")
    return RunKeys(session=session, dedupe=shortened(dedupe, DEDUPE_BYTES))


def fairness_key(spec: PinnedSpec, input: dict[str, Any]) -> str | None:
    """Fill the fairness key, shortened to what the server takes; None if there is none.

    Raises:
        TemplateError: a value is missing or null; the message names the key.
    """
    if spec.fairness_key is None:
        return None
    return shortened(_fill("fairness key", spec.fairness_key, input), FAIRNESS_BYTES)


def shortened(text: str, most: int) -> str:
    """Return `text` if it has at most `most` bytes, else its beginning and a digest.

    The result never has more than `most` bytes, so shortening it again changes nothing.
    """
    data = text.encode()
    if len(data) <= most:
        return text
    # A character cut in two is dropped: half of one is not text.
    beginning = data[: most - _DIGEST - 1].decode(errors="ignore")
    return f"{beginning}~{digest_of(data)[:_DIGEST]}"


def _fill(what: str, template: str, input: dict[str, Any]) -> str:
    try:
        value = render(template, {"input": input})
    except TemplateError as error:
        raise TemplateError(f"{what} '{template}': {error}") from error
    if value is None:
        advice = "it is null; give a default: {input.name|none}"
        raise TemplateError(f"{what} '{template}': {advice}")
    return value if isinstance(value, str) else canonical_json(value).decode()
