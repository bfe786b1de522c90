"""The result of a run, and the baseline that it is once somebody has accepted it. Pure.

A model hands the result on. The seal over the figures shows whether it did so unchanged: against a
baseline with other figures than were measured nothing is compared.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from quality_checks import CallError, CheckError, Checks
from quality_compare import Comparison, Finding
from quality_profile import Profile


def report(
    profile: Profile,
    baseline: Profile | None,
    comparison: Comparison,
    tickets: Mapping[str, dict[str, Any]],
    checks: Checks,
    summary: str,
) -> dict[str, Any]:
    """Put the result together.

    Raises:
        CallError: a new finding has no ticket: a result that is not whole is none.
    """
    missing = [each.finding for each in comparison.new if each.finding not in tickets]
    if missing:
        raise CallError(f"no ticket for {', '.join(missing)}: file these with tickets.file first")
    measured = profile.model_dump(mode="json")
    return {
        "summary": summary,
        "compared_with": baseline.night.isoformat() if baseline else None,
        "variance": comparison.variance,
        "new": [
            {"finding": each.finding, "text": each.text, "ticket": tickets[each.finding]}
            for each in comparison.new
        ],
        "known": [_known(each, checks) for each in comparison.known],
        "improved": list(comparison.improved),
        **measured,
        "seal": seal(measured),
    }


def baseline_of(document: Any) -> Profile | None:
    """The profile of the accepted result; None if nothing is accepted yet.

    Raises:
        CheckError: it is no result of this agent, or its figures were changed.
    """
    if document is None:
        return None
    try:
        measured = {key: document[key] for key in Profile.model_fields}
        profile = Profile.model_validate(measured)
    except (KeyError, TypeError, ValidationError) as error:
        raise CheckError(_not_ours("is no profile")) from error
    if document.get("seal") != seal(measured):
        raise CheckError(_not_ours("has other figures than were measured"))
    return profile


def seal(measured: Mapping[str, Any]) -> str:
    """A digest of the figures; 1 and 1.0 are the same."""
    text = json.dumps(_plain(measured), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return float(value) if isinstance(value, int | float) else value


def _known(found: Finding, checks: Checks) -> dict[str, str]:
    known = checks.known_of(found.finding)
    return {
        "finding": found.finding,
        "text": found.text,
        "reason": known.reason if known else "",
    }


def _not_ours(problem: str) -> str:
    return f"the accepted baseline {problem}: take it back with `rota baseline reject --baseline`"
