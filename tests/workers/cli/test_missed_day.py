"""`rota missed` and `rota explain` of a whole day of trouble, held against the day's own list.

The server and the keeper are the model of `tests.rota.expected`; all that the commands do with
what they are told is theirs.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.service import RPCError, RPCStatusCode

from rota.expected.evidence import Evidence
from rota.ids import format_slot, parse_slot
from rota.keepers.state import KeeperState
from schedules.slot_facts import SlotFacts
from tests.rota.expected.simulated_day import EVERY, Day, Span
from tests.rota.keepers.desks import T0
from tests.workers.cli.command_line import rota
from workers.cli import explain, missed
from workers.cli.exit_codes import ExitCode

HELD = {"paused", "frozen"}


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Day:
    """A day of five-minute slots; the commands ask it instead of a server."""
    day = Day(
        slots=288,
        outages=(Span(3700, 1500), Span(40_001, 700)),
        pauses=(Span(10_001, 1000),),
        freezes=(Span(20_001, 1000),),
        slow={100: 2000},
        failing=frozenset({120}),
    ).live()
    known = day.evidence(remembered=True, witnessed=False)

    def gone(_run: str) -> Any:
        """A run past its retention."""

        async def describe() -> None:
            raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")

        return SimpleNamespace(describe=describe)

    link = SimpleNamespace(client=SimpleNamespace(get_workflow_handle=gone), store=None)

    def with_day(_settings: object, work: Callable[[Any], Awaitable[Any]]) -> Any:
        return asyncio.run(cast("Any", work(link)))

    async def state(*_asked: object) -> KeeperState:
        return day.state

    async def evidence(*_asked: object) -> Evidence:
        return known

    async def facts(_client: object, _store: object, name: str, slot: datetime, *_: Any) -> Any:
        return SlotFacts(name, slot, day.now, day.state, known)

    for module in (missed, explain):
        monkeypatch.setattr(module, "with_server", with_day)
        monkeypatch.setattr(module, "ask_state", state)
        monkeypatch.setattr(module, "now", lambda: day.now)
    monkeypatch.setattr(missed, "read_evidence", evidence)
    monkeypatch.setattr(explain, "read_facts", facts)
    return day


async def test_missed_lists_what_the_day_has_kept_and_explain_says_the_same(day: Day) -> None:
    """Each slot that was not done, none that was, with the reason that befell it."""
    ended = await rota("missed", "--agent", "report", "--since", format_slot(T0), "--json")
    assert ended.code == ExitCode.FAILED
    last = T0 + (day.slots - 1) * EVERY
    told = {parse_slot(each["slot"]): each for each in ended.json["missed"]}
    told = {slot: each for slot, each in told.items() if slot <= last}
    done = {slot for slot, truth in day.truth.items() if truth == {"succeeded"}}
    assert set(told) == set(day.truth) - done
    assert ended.json["agents"]["report"]["succeeded"] == len(done)
    for slot, each in told.items():
        assert each["state"] in day.truth[slot]
        assert each["excused"] is (
            each["state"] in HELD or (each["state"] == "coalesced" and bool(each["covered_by"]))
        )
        why = await rota("explain", "report", format_slot(slot), "--json")
        assert (why.code, why.json["verdict"]["state"]) == (ExitCode.OK, each["state"])
        if not why.json["entries"]:
            assert any(each["reason"] in link["text"] for link in why.json["chain"])
    kinds = {each["state"] for each in told.values()}
    assert kinds == {
        *("failed", "coalesced", "frozen", "paused", "overlap"),
        "outside_window",
    }


async def test_missed_and_explain_of_a_day_are_readable(day: Day) -> None:
    """The same for people: a line for each, and a slot's story in a few lines."""
    ended = await rota("missed", "--agent", "report", "--since", format_slot(T0))
    for word in ("outside_window", "paused", "overlap", "COVERED BY"):
        assert word in ended.out
    done = next(slot for slot, truth in day.truth.items() if truth == {"succeeded"})
    why = await rota("explain", "report", format_slot(done))
    assert (why.code, "succeeded" in why.out) == (ExitCode.OK, True)
