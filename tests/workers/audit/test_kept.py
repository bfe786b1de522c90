"""Reports say how long a run is kept, and what keeps it longer."""

from datetime import timedelta

from rota.audit.archived import ArchivedRun
from rota.audit.content_key import Destruction
from rota.audit.keeping import keeping_of
from rota.audit.retention import FleetRetention, Hold
from rota.runs import RunStatus
from tests.rota.audit.audit_records import BEGAN, record
from workers.audit.kept import kept
from workers.audit.report import render

NOW = BEGAN + timedelta(days=30)
HELD = Hold(id="5f3a", agent="report", by="ann", reason="suit 12/26", at=NOW)
RETENTION = FleetRetention("finance", {"payments": timedelta(days=400)})


def archived(**told: object) -> ArchivedRun:
    """An archived run of the class `payments`."""
    made = record(1)
    known = {
        "run": made.run,
        "agent": "report",
        "fleet": "finance",
        "kind": "Agent",
        "namespace": "default",
        "started": BEGAN,
        "ended": BEGAN,
        "status": RunStatus.SUCCEEDED,
        "retention": "payments",
        "records": 1,
        "head": "0" * 64,
        "chain": "0" * 64,
        "content": None,
    }
    return ArchivedRun.model_validate({**known, **told})


def told(run: ArchivedRun, *holds: Hold) -> dict[str, str]:
    """What a report says, by name."""
    return {fact.name: fact.value for fact in kept(keeping_of(run, RETENTION, holds, NOW))}


def test_report_tells_class_end_hold_and_erasure() -> None:
    """All that decides how long there is something to read."""
    released = HELD.model_copy(update={"id": "old", "until": BEGAN})
    facts = told(archived(), HELD, released)
    assert facts["retention class"] == "payments"
    assert facts["kept until"] == "2027-12-27"
    assert facts["held"].startswith("by ann since 2026-12-22")
    assert facts["held"].endswith("until it is released: suit 12/26")
    gone = Destruction(by="dpo", reason="request 77", at=NOW)
    assert told(archived(destroyed=gone))["content erased"].startswith("by dpo, 2026-12-22")


def test_what_nobody_has_an_end_for_is_said_with_its_reason() -> None:
    """For ever, or as a fleet says that was not asked, or a class that is not there."""
    assert told(archived(retention=""))["kept until"] == "for ever"
    assert told(archived(fleet="ops"))["kept until"] == "fleet 'ops' says"
    assert "'gone' of report is not in fleet.yaml" in told(archived(retention="gone"))["kept until"]


def test_page_of_an_archived_run_has_it_and_that_of_another_says_that_it_is_none() -> None:
    """In the part on the record."""
    keeping = keeping_of(archived(), RETENTION, [HELD], NOW)
    assert b"suit 12/26" in render(record(1), keeping=keeping)
    assert b"It is not archived." in render(record(1))
