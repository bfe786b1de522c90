"""Checkpoints in the store verify themselves: made anew, taken away, signed by others."""

from datetime import timedelta

import pytest

from activities.audit.archive_store import encoded
from rota.audit.checkpoints import CHECKPOINTS, SignedCheckpoint, signed
from rota.audit.seals import Signer
from rota.audit.statements import NOBODY, Trust
from tests.activities.archive.memory_store import NOW, MemoryStore
from tests.activities.archive.verifying_bench import (
    SIGNER,
    TRUST,
    Archive,
    archive_of,
    checkpoint_ref,
)
from tests.rota.audit.audit_records import signer_of


async def made_again(store: MemoryStore, day: str, by: Signer | None, **words: object) -> None:
    """A checkpoint is made anew: with other words, signed with a key, or not at all."""
    name = f"{CHECKPOINTS}/report/{day}"
    kept = SignedCheckpoint.model_validate_json(await store.get(store.refs[name].decode()))
    made = signed(kept.checkpoint.model_copy(update=words), kept.runs, by)
    store.refs[name] = (await store.put(encoded(made))).encode()


@pytest.mark.parametrize(
    ("seen", "by", "reason"),
    [
        (False, signer_of(5), "signed with another key than yours"),
        (False, None, "it is not signed, and one before it is"),
        (True, SIGNER, "another one was put in its place"),
    ],
)
async def test_newest_checkpoint_that_was_made_anew_is_found(
    seen: bool, by: Signer | None, reason: str
) -> None:
    """By a stranger's key or none; with the right key once it was seen as it was."""
    place, store = await archive_of()
    if seen:
        assert await place.broken() == []
    await made_again(store, "2026-11-22", by, at=NOW + timedelta(hours=1))
    name = "checkpoint/report/2026-11-22"
    (found,) = [each for each in await place.broken() if each.startswith(name)]
    assert reason in found


async def test_checkpoint_made_anew_with_the_right_key_shows_in_the_one_after_it() -> None:
    """Nobody has seen it before: the next one names another."""
    place, store = await archive_of(3)
    await made_again(store, "2026-11-21", SIGNER, at=NOW + timedelta(hours=1))
    (found,) = await place.broken()
    assert found.startswith("checkpoint/report/2026-11-22")
    assert "does not follow report/2026-11-21" in found


@pytest.mark.parametrize(
    ("day", "told", "reason"),
    [
        ("2026-11-20", "2026-11-21", "the one before it is not in the store"),
        ("2026-11-21", "2026-11-22", "does not follow report/2026-11-20"),
        ("2026-11-22", "2026-11-22", "not in the store any more"),
    ],
)
async def test_checkpoint_that_was_taken_out_of_the_row_is_found(
    day: str, told: str, reason: str
) -> None:
    """At its beginning, within it, at its end."""
    place, store = await archive_of(3)
    assert await place.broken() == []
    del store.refs[f"{CHECKPOINTS}/report/{day}"]
    found = await place.broken(2)
    assert [each for each in found if each.startswith(f"checkpoint/report/{told}")]
    assert reason in found[0]


async def test_checkpoint_of_another_agent_in_its_place_is_found() -> None:
    """Whole and signed as it is."""
    store = MemoryStore()
    place = Archive(store)
    for agent in ("report", "teller"):
        await place.grow(1, agent=agent)
    refs = (f"{CHECKPOINTS}/{agent}/2026-11-22" for agent in ("report", "teller"))
    mine, other = refs
    store.refs[mine] = store.refs[other]
    found = await place.broken(2)
    assert "checkpoint/report/2026-11-22: in its place stands the one of another agent" in found[0]


async def test_checkpoint_whose_object_is_gone_is_found_and_hides_no_other() -> None:
    """It is named alone, and the round goes on behind it."""
    place, store = await archive_of(3)
    del store.objects[store.refs[checkpoint_ref(NOW - timedelta(days=2))].decode()]
    del store.objects[place.runs[5].chain]
    found = await place.broken(2)
    assert [each.partition(":")[0] for each in found] == [
        "checkpoint/report/2026-11-21",
        f"run/report/{place.runs[5].run.key}",
    ]


@pytest.mark.parametrize("trust", [NOBODY, TRUST])
async def test_checkpoints_from_before_there_was_a_key_hold(trust: Trust) -> None:
    """The first signed one binds them; none without a signature follows a signed one."""
    store = MemoryStore()
    place = Archive(store, trust)
    await place.grow(2, signer=None)
    store.now = place.now = NOW + timedelta(days=1)
    await place.grow(1)
    assert await place.broken(2) == []
    place.now += timedelta(days=1)
    await place.grow(1)
    await made_again(store, "2026-11-24", None)
    (found,) = await place.broken()
    assert "report/2026-11-24: it is not signed" in found


async def test_what_a_key_that_was_given_up_signed_holds() -> None:
    """Up to its last day; later it signs nothing."""
    old = bytes.fromhex(SIGNER.key)
    place, _ = await archive_of()
    place.trust = Trust({old: "2026-11-22", bytes.fromhex(signer_of(5).key): ""})
    assert await place.broken(2) == []
    place.trust = Trust({old: "2026-11-21", bytes.fromhex(signer_of(5).key): ""})
    (found,) = await place.broken()
    assert "signed until 2026-11-21" in found
