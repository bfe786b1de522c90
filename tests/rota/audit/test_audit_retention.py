"""How long runs are kept, what holds them, and what refers to what: decisions on facts alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.agent_spec import AgentSpec
from rota.audit.archived import ArchivedRun
from rota.audit.references import digests_in, digests_in_histories, without_gone
from rota.audit.retention import FleetRetention, Hold, Release, holder_of
from rota.run_ref import RunRef
from rota.runs import RunStatus
from tests.rota.audit.audit_records import history

ENDED = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def run(retention: str = "", fleet: str = "finance") -> ArchivedRun:
    """An archived run of a class."""
    return ArchivedRun(
        run=RunRef(id="r", key="k"),
        agent="report",
        kind="Agent",
        fleet=fleet,
        namespace="default",
        started=ENDED,
        ended=ENDED,
        status=RunStatus.SUCCEEDED,
        retention=retention,
        records=1,
        head="",
        chain="",
        content=None,
    )


@pytest.mark.parametrize(
    ("named", "classes", "until", "clear"),
    [
        ("", {}, None, True),
        ("", {"default": 3 * DAY}, ENDED + 3 * DAY, True),
        ("long", {"default": DAY, "long": 9 * DAY}, ENDED + 9 * DAY, True),
        ("gone", {"default": DAY}, None, False),
    ],
)
def test_run_is_kept_as_long_as_its_class_says(
    named: str, classes: dict[str, timedelta], until: datetime | None, clear: bool
) -> None:
    """For ever without one; what is not declared any more is told."""
    retention = FleetRetention("finance", classes)
    assert retention.kept_until(run(named)) == until
    assert (retention.undecided(run(named)) == "") is clear
    assert retention.is_over(run(named), ENDED + 9 * DAY) is (until is not None)


@pytest.mark.parametrize(
    ("fleet", "until", "told"),
    [
        ("finance", ENDED + DAY, ""),
        ("legal", None, ""),
        ("", None, "no fleet is known of runs of report: kept"),
    ],
)
def test_fleet_decides_on_its_own_runs_alone(fleet: str, until: datetime | None, told: str) -> None:
    """Another fleet's are that one's business, whatever its classes are called."""
    retention = FleetRetention("finance", {"default": DAY})
    assert retention.kept_until(run(fleet=fleet)) == until
    assert retention.undecided(run(fleet=fleet)) == told


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({"run": "k"}, True),
        ({"run": "other"}, False),
        ({"agent": "report"}, True),
        ({"agent": "another"}, False),
        ({"run": "k", "until": ENDED + 2 * DAY}, True),
        ({"run": "k", "until": ENDED + DAY}, False),
        ({"run": "k", "released": Release(by="b", reason="r", at=ENDED)}, False),
        ({"run": "other", "agent": "report"}, False),
    ],
)
def test_hold_keeps_what_it_names_while_it_is_in_force(
    changes: dict[str, object], held: bool
) -> None:
    """One run, or all of an agent."""
    hold = Hold(id="h", by="ann", reason="suit", at=ENDED).model_copy(update=changes)
    assert (holder_of([hold], "k", "report", ENDED + DAY) is not None) is held


def test_declaration_without_a_class_has_the_digest_that_it_had_before() -> None:
    """Nothing is applied anew because classes exist."""
    spec = AgentSpec.model_validate({"name": "x", "runtime": {"kind": "scripted", "turns": []}})
    assert "retention" not in spec.document
    assert spec.model_copy(update={"retention": "long"}).document["retention"] == "long"


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(min_size=32, max_size=32))
def test_digest_is_found_wherever_it_stands(before: bytes, after: bytes, digest: bytes) -> None:
    """Between any bytes, also such that look like more of it."""
    text = digest.hex()
    assert text in set(digests_in(before + text.encode() + after))


def test_digests_in_the_values_of_histories_are_found() -> None:
    """A run that is archived keeps what its histories name, which are no roots any more."""
    named = "7" * 64
    execution = history("key", 2, head=named)
    assert named in digests_in_histories([execution])
    assert "c" * 64 in digests_in_histories([execution])
    odd = {"metadata": {"encoding": "x"}, "data": "no base64!"}
    assert digests_in_histories([execution.model_copy(update={"history": {"p": odd}})]) == set()


def test_only_the_result_in_the_ledger_entry_of_a_run_that_is_gone_is_left_out() -> None:
    """Its memory, and whatever else names it, still counts."""
    entry = {"run": {"id": "r", "key": "gone"}, "admitted_at": "2026", "output": "a" * 64}
    other = {**entry, "run": {"id": "r", "key": "there"}, "output": "b" * 64}
    settled = {"run": {"id": "r", "key": "gone"}, "output": "c" * 64, "memory": "d" * 64}
    state = {"ledger": {"gone": entry, "there": other}, "list": [settled], "head": "e" * 64}
    found = set(digests_in(without_gone(json.dumps(state).encode(), {"gone"})))
    assert found == {"b" * 64, "c" * 64, "d" * 64, "e" * 64}
    odd = b'"admitted_at" not JSON ' + b"a" * 64
    assert without_gone(odd, {"gone"}) == odd
