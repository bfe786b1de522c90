"""How long a run is kept, in words. Pure."""

from datetime import datetime

from rota.audit.keeping import Keeping
from workers.audit.report_facts import Fact
from workers.audit.report_words import at


def kept(keeping: Keeping) -> list[Fact]:
    """Return the facts that the report of a run tells."""
    facts = [
        Fact("retention class", keeping.retention),
        Fact("kept until", kept_until(keeping)),
        *(
            Fact("held", f"by {each.by} since {at(each.at)}, {_end(each.until)}: {each.reason}")
            for each in keeping.holds
        ),
    ]
    if keeping.destroyed is not None:
        gone = keeping.destroyed
        facts.append(Fact("content erased", f"by {gone.by}, {at(gone.at)}: {gone.reason}"))
    return [*facts, Fact("as it was known", at(keeping.at))]


def kept_until(keeping: Keeping) -> str:
    """Return when its retention is over."""
    if keeping.until is not None:
        return f"{keeping.until:%Y-%m-%d}"
    return keeping.undecided or "for ever"


def _end(until: datetime | None) -> str:
    return f"until {until:%Y-%m-%d}" if until is not None else "until it is released"
