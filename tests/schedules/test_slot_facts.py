"""What is read of a slot: pages of the ledger in the store, the schedule on the server."""

import pytest

from activities.documents import put_record
from rota.keepers.state import KeeperState
from rota.runs import Covers
from rota.steps import LedgerPage
from schedules.explaining import explain_slot
from schedules.slot_facts import SlotFacts, read_facts
from tests.rota.keepers.desks import HOUR, T0, pinned
from tests.schedules.slot_entries import entry
from tests.stack import Stack


async def paged(stack: Stack) -> KeeperState:
    """A keeper whose three oldest slots lie on two pages."""
    parent = None
    for slots in ((0, 1), (2,)):
        entries = tuple(entry(f"r{n}", T0 + n * HOUR) for n in slots)
        parent = await put_record(stack.store, LedgerPage(entries=entries, parent=parent))
    newest = entry("r3", T0 + 3 * HOUR)
    return KeeperState(
        spec=pinned(schedule={"cron": "0 * * * *"}),
        ledger={newest.key: newest},
        pages=parent,
        paged=3,
        paged_slots=Covers(start=T0, end=T0 + 2 * HOUR),
    )


async def facts(stack: Stack, state: KeeperState, hours: int) -> SlotFacts:
    """What is known of the slot so many hours after T0."""
    name, slot, now = stack.name("report"), T0 + hours * HOUR, T0 + 9 * HOUR
    return await read_facts(stack.client, stack.store, name, slot, state, now)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
async def test_facts_of_a_slot_on_a_page_are_read_from_the_store(stack: Stack, number: int) -> None:
    """However old, a slot keeps its explanation; pages are read back to the oldest."""
    explanation = explain_slot(await facts(stack, await paged(stack), number))
    assert (explanation.outcome, explanation.run_id) == ("succeeded", f"r{number}")


async def test_facts_without_the_page_say_where_it_should_be(stack: Stack) -> None:
    """Another store than the workers' is a reason, not a crash; newer slots need no page."""
    state = (await paged(stack)).model_copy(update={"pages": "0" * 64})
    told = await facts(stack, state, 1)
    assert stack.store.address in told.evidence.unread
    assert explain_slot(told).chain[-1].text.endswith(told.evidence.unread)
    assert explain_slot(await facts(stack, state, 3)).outcome == "succeeded"


async def test_facts_of_an_agent_without_a_live_schedule_say_so(stack: Stack) -> None:
    """What is declared and what the server has are told apart."""
    told = await facts(stack, KeeperState(spec=pinned(schedule={"cron": "0 * * * *"})), 1)
    assert (told.evidence.live, told.evidence.fired) == (None, {})
    assert told.neighbours() == (T0 + HOUR, T0 + 2 * HOUR)
