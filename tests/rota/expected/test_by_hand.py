"""Pauses made on the server itself: what they explain, and what the keeper is told of them."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rota.expected.by_hand import pause_at, unheard_toggle
from rota.expected.evidence import Evidence
from rota.expected.in_force import Toggle, toggled
from rota.expected.live import LiveSchedule
from rota.expected.verdicts import verdict_of
from rota.keepers.state import LedgerEntry
from rota.runs import Trigger
from tests.rota.expected.known import NOW, evidence
from tests.rota.keepers.desks import HOUR, T0
from tests.schedules.slot_entries import entry

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
PAUSE = Toggle(at=T0 + HOUR + MINUTE, paused=True, note="bank")
RESUMED = Toggle(at=T0 + 3 * HOUR + MINUTE, paused=False)


def ran(*hours: int) -> tuple[LedgerEntry, ...]:
    """Slots that ran on time, by their hour after T0."""
    return tuple(entry(f"r{hour}", T0 + hour * HOUR) for hour in hours)


def paused_hours(known: Evidence) -> list[int]:
    """The hours after T0 whose slots are judged as paused."""
    slots = [T0 + hour * HOUR for hour in range(6)]
    told = [slot for slot in slots if verdict_of(known, slot, NOW).state.value == "paused"]
    return [(slot - T0) // HOUR for slot in told]


def live(*, paused: bool, changed: datetime | None = None) -> LiveSchedule:
    """The schedule as the server has it."""
    return LiveSchedule(paused=paused, note="ann", changed=changed, created=T0 - HOUR)


@pytest.mark.parametrize(
    ("known", "hours"),
    [
        pytest.param(
            evidence(*ran(0, 1), toggles=[PAUSE], live=live(paused=True)),
            [2, 3, 4, 5],
            id="as the keeper has heard",
        ),
        pytest.param(
            evidence(*ran(0, 1, 4), toggles=[PAUSE], live=live(paused=False)),
            [2, 3],
            id="resumed by hand before a slot that ran",
        ),
        pytest.param(
            evidence(*ran(0, 1), toggles=[PAUSE], live=live(paused=False, changed=T0 + 3.5 * HOUR)),
            [2, 3],
            id="resumed by hand, and the server tells when",
        ),
        pytest.param(
            evidence(*ran(0, 1), live=live(paused=True, changed=T0 + 2.5 * HOUR)),
            [3, 4, 5],
            id="paused by hand, and the server tells when",
        ),
        pytest.param(
            evidence(*ran(0, 1, 3), live=live(paused=True, changed=T0 + 0.5 * HOUR)),
            [],
            id="written long before it was paused",
        ),
        pytest.param(
            evidence(
                *ran(0, 1, 4), toggles=[PAUSE], live=live(paused=True, changed=T0 + 4.5 * HOUR)
            ),
            [2, 3, 5],
            id="resumed and paused again by hand",
        ),
        pytest.param(
            evidence(*ran(0, 1), live=live(paused=True)), [], id="nobody knows since when"
        ),
        pytest.param(
            evidence(
                *ran(0, 1),
                entry("by hand", T0 + 2.5 * HOUR),
                live=live(paused=True, changed=T0 + 1.5 * HOUR),
            ),
            [2, 3, 4, 5],
            id="a run that a person triggers says nothing of a pause",
        ),
    ],
)
def test_slots_of_a_pause_by_hand_are_paused_as_far_as_that_is_known(
    known: Evidence, hours: list[int]
) -> None:
    """A run that its schedule started at its time proves that it was going."""
    assert paused_hours(known) == hours


@pytest.mark.parametrize(
    ("known", "since", "told"),
    [
        pytest.param(evidence(live=live(paused=False)), NOW - MINUTE, None, id="nothing is new"),
        pytest.param(
            evidence(toggles=[PAUSE], live=live(paused=True)), NOW - MINUTE, None, id="heard"
        ),
        pytest.param(evidence(live=None), NOW - MINUTE, None, id="there is none"),
        pytest.param(
            evidence(live=live(paused=True, changed=NOW - 20 * SECOND)),
            NOW - MINUTE,
            (NOW - 20 * SECOND, True),
            id="paused, and the server tells when",
        ),
        pytest.param(
            evidence(live=live(paused=True, changed=T0)),
            NOW - MINUTE,
            (NOW - MINUTE + timedelta.resolution, True),
            id="paused, not before the last look",
        ),
        pytest.param(
            evidence(live=live(paused=True)),
            NOW - HOUR,
            (NOW - MINUTE, True),
            id="paused, nothing tells when",
        ),
        pytest.param(
            evidence(*ran(0), live=live(paused=True, changed=T0 + HOUR)),
            None,
            (T0 + HOUR, True),
            id="paused before anybody looked",
        ),
        pytest.param(
            evidence(toggles=[PAUSE, RESUMED], live=live(paused=True)),
            T0,
            (NOW - MINUTE, True),
            id="paused again",
        ),
        pytest.param(
            evidence(toggles=[PAUSE], live=live(paused=False)),
            NOW - MINUTE,
            (NOW, False),
            id="resumed, nothing tells when",
        ),
        pytest.param(
            evidence(toggles=[PAUSE], live=live(paused=False, changed=NOW - 20 * SECOND)),
            NOW - MINUTE,
            (NOW - 20 * SECOND, False),
            id="resumed, and the server tells when",
        ),
        pytest.param(
            evidence(toggles=[RESUMED], live=live(paused=True, changed=T0)),
            T0,
            (RESUMED.at + timedelta.resolution, True),
            id="not before the last word",
        ),
    ],
)
def test_keeper_is_told_of_a_toggle_that_shows_on_the_server_alone(
    known: Evidence, since: datetime | None, told: tuple[datetime, bool] | None
) -> None:
    """Once: with that word nothing is new any more, and the slots from then on are paused."""
    toggle = unheard_toggle(known, since, NOW)
    assert ((toggle.at, toggle.paused) if toggle else None) == told
    if toggle is not None:
        heard = replace(known, chronicle=toggled(known.chronicle, toggle))
        assert unheard_toggle(heard, since, NOW) is None
        assert (pause_at(heard, NOW) is not None) == toggle.paused


def test_handed_over_run_says_nothing_of_its_schedule() -> None:
    """What an event or a person started under a slot's name was started by no schedule."""
    asked = entry("r4", T0 + 4 * HOUR, trigger=Trigger.MANUAL)
    known = evidence(*ran(0, 1), asked, toggles=[PAUSE], live=live(paused=True))
    assert paused_hours(known) == [2, 3, 5]
