"""Adds up the reviews of one night. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from review_checks import Verdict, counted

NAMED = 5
"""Branches that the summary names."""


def digest_of(reviews: Sequence[Any]) -> dict[str, Any]:
    """Return the figures of all reviews, the branches that must change first.

    Args:
        reviews: results of `code-review`; None for one that has none, because it failed.
    """
    there = [review for review in reviews if isinstance(review, Mapping)]
    order = [Verdict.REQUEST_CHANGES, Verdict.COMMENT, Verdict.APPROVE]
    ranked = sorted(there, key=lambda review: (order.index(review["verdict"]), review["branch"]))
    rules = Counter(finding["rule"] for review in there for finding in review["findings"])
    verdicts = Counter(str(review["verdict"]) for review in ranked)
    missing = len(reviews) - len(there)
    return {
        "summary": _in_words(ranked, missing),
        "reviews": len(there),
        "without_review": missing,
        "verdicts": dict(verdicts),
        "rules": dict(sorted(rules.items())),
        "branches": [
            {
                "branch": review["branch"],
                "head": review["head"],
                "verdict": review["verdict"],
                "findings": len(review["findings"]),
            }
            for review in ranked
        ],
    }


def _in_words(ranked: Sequence[Mapping[str, Any]], missing: int) -> str:
    found = sum(len(review["findings"]) for review in ranked)
    told = f"{counted(len(ranked), 'branch', 'branches')} reviewed, "
    told += f"{counted(found, 'finding')}."
    bad = [r["branch"] for r in ranked if r["verdict"] == Verdict.REQUEST_CHANGES]
    if bad:
        more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        told += f" Changes are needed in {', '.join(bad[:NAMED])}{more}."
    if missing:
        told += f" {counted(missing, 'review')} failed."
    return told
