"""`rota missed` on the real server: what befell slots is told, and explained in the same words."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from rota.ids import parse_slot
from tests.workers.cli.conftest import FleetOnServer
from workers.cli.exit_codes import ExitCode

SECOND = timedelta(seconds=1)


async def next_slot() -> datetime:
    """Let the next whole second come, and a little more."""
    slot = datetime.now(UTC).replace(microsecond=0) + SECOND
    await asyncio.sleep((slot + SECOND / 5 - datetime.now(UTC)).total_seconds())
    return slot


@pytest.mark.usefixtures("only_here")
async def test_missed_slots_of_a_pause_and_a_freeze_are_told_as_what_they_are(
    served: FleetOnServer,
) -> None:
    """The test keeps its own list: what came while it had paused, or frozen, the agent."""
    served.change('cron: "0 8 * * MON-FRI"', "every: 1s")
    assert (await served.rota("apply")).code == ExitCode.OK
    assert (await served.rota("pause", served.agent, "--note", "bank is down")).code == 0
    mine = {await next_slot(): "paused"}
    assert (await served.rota("freeze", served.agent, "--reason", "close")).code == 0
    assert (await served.rota("resume", served.agent)).code == 0
    mine[await next_slot()] = "frozen"
    assert (await served.rota("pause", served.agent)).code == 0
    told: dict[datetime, str] = {}
    while not set(mine) <= set(told):  # The newest may not have asked its keeper yet.
        ended = await served.rota("missed", "--since", "1m", "--json")
        told = {parse_slot(each["slot"]): each["state"] for each in ended.json["missed"]}
        assert ended.code == ExitCode.OK, "all were held back by somebody"
    assert {slot: told[slot] for slot in mine} == mine
    for slot, state in mine.items():
        why = await served.rota("explain", served.agent, slot.isoformat(), "--json")
        assert why.json["verdict"]["state"] == state


async def test_missed_of_an_agent_whose_run_failed_ends_with_1(served: FleetOnServer) -> None:
    """What nobody wanted so is for a script to notice; of an unknown agent it is said so."""
    unknown = await served.rota("missed", "--agent", f"{served.agent}x")
    assert unknown.code == ExitCode.NOT_FOUND
    none = await served.rota("missed", "--agent", served.agent)
    assert (none.code, none.out) == (ExitCode.OK, "")
    assert "0 slots since" in none.err
