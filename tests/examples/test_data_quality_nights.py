"""Nights of the data quality example on a real server: what is planted is found, and filed once."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from temporalio.client import WorkflowFailureError

from rota.runs import RunStatus
from tests.examples.quality_nights import (
    AGENT,
    PER_DAY,
    TOOLS,
    accept,
    apply,
    baseline_of,
    copy_fleet,
    maker,
    names,
    ticket_service,
    truth,
    warehouse,
)
from tests.stack import Stack, open_stack
from tests.workflows.gates import poll
from workers.devserver import dev_server

ESCALATION = "quality-escalation"


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A server of one's own: the fleet has its real names."""
    async with dev_server() as running:
        yield await open_stack(running.address, tmp_path)


@pytest.fixture
def service(stack: Stack) -> Iterator[SimpleNamespace]:
    """The ticket service, and the fleet and the first night beside it."""
    with ticket_service(stack.folder) as service:
        copy_fleet(stack.folder, service.url)
        maker.make_warehouse(warehouse(stack.folder), PER_DAY)
        yield service


def filed(service: SimpleNamespace) -> list[str]:
    """The findings that have a ticket, as often as they have one; without the urgent ones."""
    return sorted(
        ticket["title"].removeprefix("cabs: ")
        for ticket in service.kept.all()
        if "urgent" not in ticket["labels"]
    )


async def escalated(stack: Stack) -> None:
    """Wait until the event has started an escalation and that has ended well."""

    async def ask() -> bool | None:
        ledger = (await stack.keeper(ESCALATION)).ledger
        return any(entry.status is RunStatus.SUCCEEDED for entry in ledger.values()) or None

    await poll(ask, 60)


async def test_three_nights_report_what_is_planted_then_what_changed_then_nothing(
    stack: Stack, service: SimpleNamespace
) -> None:
    """Accepted each morning, every finding is reported and filed in its own night alone."""
    async with stack.worker([*TOOLS.values()]):
        await apply(stack)
        first = (await stack.run(AGENT, "night-1")).output
        proposed = await baseline_of(stack)
        await accept(stack)
        after_first = filed(service)
        maker.next_night(warehouse(stack.folder))
        second = (await stack.run(AGENT, "night-2")).output
        await accept(stack)
        await escalated(stack)
        maker.next_night(warehouse(stack.folder))
        third = (await stack.run(AGENT, "night-3")).output
        escalations = (await stack.keeper(ESCALATION)).ledger
    for night, result in enumerate((first, second, third), start=1):
        planted = truth(stack.folder, night)
        assert names(result["new"]) == planted["new"], night
        assert names(result["known"]) == planted["known"], night
    assert proposed.accepted is None
    assert proposed.candidate is not None
    assert proposed.candidate.run.id == "night-1"
    nights = [result["compared_with"] for result in (first, second, third)]
    assert nights == [None, first["night"], second["night"]]
    assert third["new"] == []
    assert after_first == truth(stack.folder, 1)["new"]
    both = truth(stack.folder, 1)["new"] + truth(stack.folder, 2)["new"]
    assert filed(service) == sorted(both)
    # Only the second night has passed the threshold, and that was told once.
    urgent = [ticket for ticket in service.kept.all() if "urgent" in ticket["labels"]]
    assert [ticket["title"] for ticket in urgent] == ["cabs: 24% of the checks moved"]
    assert [entry.status for entry in escalations.values()] == [RunStatus.SUCCEEDED]


async def test_nights_that_nobody_accepted_file_the_same_findings_once(
    stack: Stack, service: SimpleNamespace
) -> None:
    """Without a baseline the limits are told again every night, with the tickets there are."""
    async with stack.worker([*TOOLS.values()]):
        await apply(stack)
        first = (await stack.run(AGENT, "night-1")).output
        again = (await stack.run(AGENT, "night-1-again")).output
    assert names(again["new"]) == names(first["new"])
    assert {each["ticket"]["existed"] for each in first["new"]} == {False}
    assert {each["ticket"]["existed"] for each in again["new"]} == {True}
    assert filed(service) == truth(stack.folder, 1)["new"]


async def test_answers_of_the_ticket_service_that_are_lost_leave_one_ticket_per_finding(
    stack: Stack, service: SimpleNamespace
) -> None:
    """The ticket is made, the answer is lost, the attempt is made again with the same key."""
    service.kept.lose = 2
    async with stack.worker([*TOOLS.values()]):
        await apply(stack)
        result = (await stack.run(AGENT, "night-1")).output
    assert service.kept.requests == len(result["new"]) + 2
    assert filed(service) == truth(stack.folder, 1)["new"]


async def test_night_that_fails_moves_no_baseline_and_the_next_one_files_the_rest(
    stack: Stack, service: SimpleNamespace
) -> None:
    """With a table missing nothing is filed; with some tickets refused there is no result."""
    path = warehouse(stack.folder)
    async with stack.worker([*TOOLS.values()]):
        await apply(stack)
        await stack.run(AGENT, "night-1")
        await accept(stack)
        before, tickets = await baseline_of(stack), filed(service)
        maker.next_night(path)
        new = truth(stack.folder, 2)["new"]
        _rename(path, "weather", "weather_old")
        with pytest.raises(WorkflowFailureError) as unread:
            await stack.run(AGENT, "night-2")
        assert filed(service) == tickets
        _rename(path, "weather_old", "weather")
        service.kept.refuse = 3
        with pytest.raises(WorkflowFailureError) as unfiled:
            await stack.run(AGENT, "night-2-again")
        left = len(tickets) + len(new) - len(filed(service))
        assert await baseline_of(stack) == before
        mended = (await stack.run(AGENT, "night-2-mended")).output
        after = await baseline_of(stack)
    assert "no such table: weather" in str(unread.value.cause)
    assert "the project is closed for today" in str(unfiled.value.cause)
    assert names(mended["new"]) == new
    assert [each["ticket"]["existed"] for each in mended["new"]].count(False) == left
    assert filed(service) == sorted(tickets + new)
    assert left >= 3
    assert after.accepted == before.accepted
    assert after.candidate is not None
    assert after.candidate.run.id == "night-2-mended"


def _rename(path: Path, table: str, to: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {to}")
