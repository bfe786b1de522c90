"""The activity that archives trusts the keys of its fleet alone, as `rota audit verify` does."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.archiving import ArchivingActivities
from rota.archive import ArchiveOrder
from rota.audit.audit_spec import AuditSpec, OldKey
from rota.audit.verified import verified_place
from rota.connections import Connections
from rota.fleet_file import FleetFile
from tests.activities.archive.archive_bench import FLEET, Bench, Server, bench, days_ago
from tests.rota.audit.audit_records import signer_of

OLD = signer_of(5)


async def reasons(place: Bench, connections: Connections) -> list[str]:
    """What the archive finds, worked by a worker with these files."""
    await place.store.delete_ref(verified_place(FLEET))
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info,
        started_time=datetime.now(UTC),
        start_to_close_timeout=timedelta(minutes=1),
    )
    archiving = ArchivingActivities(cast("Client", Server()), place.store, connections)
    order = ArchiveOrder(fleet=FLEET, resume=True)
    report = await environment.run(archiving.archive_runs, order)
    assert report.verification is not None
    assert report.verification.checkpoints == 1
    return [each.reason for each in report.verification.broken]


async def test_checkpoint_must_be_signed_with_a_key_of_the_fleet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one in use, or an earlier one for as long as it vouches; without any whatever holds."""
    place = bench(monkeypatch)
    place.signer = OLD
    place.end(1, days_ago(1))
    assert (await place.archive(resume=True)).checkpoints == 1
    monkeypatch.setenv("AUDIT_KEY", (bytes([4]) * 32).hex())
    (reason,) = await reasons(place, fleet())
    assert "signed with another key than yours" in reason
    assert await reasons(place, fleet(date(2026, 11, 22))) == []
    (reason,) = await reasons(place, fleet(date(2026, 11, 21)))
    assert "signed until 2026-11-21" in reason
    assert await reasons(place, Connections()) == []
    # Nobody knows the key here: that is no sign of anything.
    monkeypatch.delenv("AUDIT_KEY")
    assert await reasons(place, fleet()) == []


def fleet(until: date | None = None) -> FleetFile:
    """A fleet with a key, which had another one until then."""
    old = (OldKey(key=OLD.key, until=until),) if until else ()
    return FleetFile(name=FLEET, audit=AuditSpec(signing_key="env:AUDIT_KEY", old_keys=old))
