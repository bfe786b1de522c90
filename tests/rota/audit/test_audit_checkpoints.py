"""A day's checkpoint: a run is in it or is not, and whoever re-chains a run meets it."""

import hashlib
from dataclasses import replace
from datetime import date, timedelta

import pytest

from rota.audit.bundle import BundleParts, OtherHeadError, bundle_of
from rota.audit.checking import check
from rota.audit.checkpoints import RunHead, SignedCheckpoint, checkpoint_of, signed
from rota.audit.content_key import Destruction
from rota.audit.days import read_days
from rota.audit.ed25519 import key_id
from rota.audit.entries import chain_of
from rota.audit.hashing import (
    canonical,
    erasure_head,
    erasure_key,
    leaf_hash,
    root_of,
    root_of_path,
)
from rota.audit.merkle import proof_of
from rota.audit.statements import Trust, UnreadableError
from tests.rota.audit.audit_records import BEGAN, KEY, record, signer_of, trusting

SIGNER = signer_of(1)
TRUSTED = trusting(SIGNER)
DAY = date(2026, 11, 22)


def heads(count: int) -> list[str]:
    """Heads of runs that there never were."""
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


@pytest.mark.parametrize("count", range(1, 18))
def test_every_run_of_a_day_is_proven_and_no_other(count: int) -> None:
    """Each leaf leads to the root by its own path, and by no other place."""
    leaves = heads(count)
    root = root_of(leaves)
    for index, head in enumerate(leaves):
        path = [bytes.fromhex(step) for step in proof_of(leaves, index).path]
        leaf = leaf_hash(head)
        assert root_of_path(leaf, index, count, path) == bytes.fromhex(root)
        assert root_of_path(leaf_hash("00" * 32), index, count, path) != bytes.fromhex(root)
        others = [root_of_path(leaf, other, count, path) for other in range(-1, count + 1)]
        assert others.count(bytes.fromhex(root)) == 1
        assert root_of_path(leaf, index, count, [*path, leaf]) != bytes.fromhex(root)


def test_tree_is_that_of_rfc_6962() -> None:
    """Leaves and nodes are hashed apart; an odd leaf moves up as it is."""
    one, two, three = (leaf_hash(head) for head in heads(3))
    left = hashlib.sha256(b"\x01" + one + two).digest()
    assert root_of(heads(3)) == hashlib.sha256(b"\x01" + left + three).hexdigest()
    assert root_of([]) == hashlib.sha256(b"").hexdigest()


def day_of(
    *seeds: int, previous: SignedCheckpoint | None = None, day: date = DAY
) -> SignedCheckpoint:
    """The checkpoint of a day with these runs."""
    made = [record(seed) for seed in seeds]
    runs = [RunHead(run=each.run.key, head=chain_of(each, KEY).head) for each in made]
    before = previous.checkpoint if previous else None
    if previous is not None:
        day = previous.checkpoint.day + timedelta(days=1)
    return signed(checkpoint_of("report", day, runs, before, BEGAN), runs, SIGNER)


def parts_of(seed: int, checkpoint: SignedCheckpoint | None) -> BundleParts:
    """What a bundle of `record(seed)` is made of."""
    made = record(seed)
    return BundleParts(made.run, chain_of(made, KEY), "", checkpoint=checkpoint)


def test_bundle_carries_the_proof_that_its_run_is_in_the_checkpoint() -> None:
    """It verifies, and shows nothing of the others but hashes."""
    files = bundle_of(parts_of(2, day_of(1, 2, 3)), SIGNER)
    report = check(files, TRUSTED)
    assert (report.problems, report.notes) == ([], [])
    assert record(1).run.key.encode() not in files["checkpoint.json"]


def test_run_that_was_chained_anew_with_the_right_key_is_found_by_the_checkpoint() -> None:
    """An insider signs what he likes today, but yesterday's checkpoint has the old head."""
    forged = record(2).model_copy(update={"output": "forged"})
    day = day_of(1, 2, 3)
    old = bundle_of(parts_of(2, day), SIGNER)
    parts = replace(parts_of(2, None), chain=chain_of(forged, KEY))
    new = {**bundle_of(parts, SIGNER), "checkpoint.json": old["checkpoint.json"]}
    assert check(new, TRUSTED).problems == ["checkpoint.json: the run's head is not in it"]
    with pytest.raises(OtherHeadError, match="report of 2026-11-22 does not have the head"):
        bundle_of(replace(parts, checkpoint=day), SIGNER)


def handed_out(*days: SignedCheckpoint) -> dict[str, bytes]:
    """Checkpoints as files."""
    return {f"{each.checkpoint.day}": canonical(each.handed_out) for each in days}


def given(*days: SignedCheckpoint) -> Trust:
    """Whoever checks has kept these."""
    report, read = read_days(handed_out(*days), TRUSTED)
    assert report.problems == []
    return trusting(SIGNER, days=read)


def test_insider_who_leaves_the_checkpoint_away_meets_the_one_that_others_kept() -> None:
    """All is signed with the right key: only what he cannot write tells."""
    forged = record(2).model_copy(update={"output": "forged"})
    parts = replace(parts_of(2, None), chain=chain_of(forged, KEY))
    new = bundle_of(parts, SIGNER)
    assert (check(new, TRUSTED).problems, check(new, TRUSTED).notes) == (
        [],
        ["its run is not yet in a checkpoint"],
    )
    assert check(new, given(day_of(1, 2, 3))).problems == [
        "the checkpoint of report of 2026-11-22 that you gave has another head of its run"
    ]
    whole = check(bundle_of(parts_of(2, None), SIGNER), given(day_of(1, 2, 3)))
    assert (whole.problems, whole.notes) == ([], [])


def test_run_that_nobody_has_in_a_checkpoint_is_found_unless_it_is_too_young_for_one() -> None:
    """An invented run of an old day is in none; of today's nobody can know."""
    files = bundle_of(parts_of(2, None), SIGNER)
    assert (
        "is in none of the checkpoints that you gave" in check(files, given(day_of(1))).problems[0]
    )
    younger = given(day_of(1, day=DAY - timedelta(days=1)))
    assert check(files, younger).problems == []
    assert check(files, younger).notes[0] == "its run is younger than the checkpoints that you gave"


def test_row_of_checkpoints_shows_what_was_taken_out_or_made_anew() -> None:
    """Each names the one before it, by its digest; its leaves are those that were signed."""
    first = day_of(1)
    second = day_of(2, previous=first)
    third = day_of(3, previous=second)
    for wrong in ([first, third], [day_of(9), second, third]):
        (problem,) = read_days(handed_out(*wrong), TRUSTED)[0].problems
        assert "it does not follow" in problem
    assert read_days(handed_out(third), TRUSTED)[0].problems == []
    swapped = first.model_copy(update={"runs": second.runs})
    (problem,) = read_days(handed_out(swapped), TRUSTED)[0].problems
    assert problem == "2026-11-22: its runs are not those that were signed"
    other = signed(first.checkpoint, first.runs, signer_of(2))
    assert "another key than yours" in read_days(handed_out(other), TRUSTED)[0].problems[0]
    with pytest.raises(UnreadableError, match="is no checkpoint"):
        read_days({"seal.json": bundle_of(parts_of(2, None), SIGNER)["seal.json"]}, TRUSTED)


def test_key_that_was_given_up_vouches_for_nothing_younger() -> None:
    """Stolen afterwards, it signs in vain: not a seal, not a checkpoint."""
    files = bundle_of(parts_of(2, day_of(1, 2, 3)), SIGNER)
    old = {bytes.fromhex(SIGNER.key): "2026-11-22"}
    assert check(files, Trust(old)).problems == []
    stolen = Trust(dict.fromkeys(old, "2026-11-21"))
    mine = key_id(bytes.fromhex(SIGNER.key))
    assert check(files, stolen).problems == [
        f"{name}: of 2026-11-22, and key {mine} signed until 2026-11-21"
        for name in ("seal.json", "checkpoint.json")
    ]


def test_checkpoint_names_the_one_before() -> None:
    """A day that is taken out of the row, or changed, leaves a gap."""
    first = day_of(1, 2)
    second = day_of(3, previous=first)
    assert first.checkpoint.previous is None
    assert second.checkpoint.previous == first.checkpoint.digest
    assert day_of(1).checkpoint.digest != first.checkpoint.digest


def test_erasure_is_in_a_checkpoint_so_that_nobody_invents_or_changes_it_afterwards() -> None:
    """Who, when, why, and of which chain; an insider signs another manifest in vain."""
    gone = Destruction(by="ann", reason="request of the subject", at=BEGAN)
    whole = parts_of(4, None)
    head = erasure_head(whole.run.key, whole.chain.head, gone.model_dump(mode="json"))
    runs = [
        RunHead(run=whole.run.key, head=whole.chain.head),
        RunHead(run=erasure_key(whole.run.key), head=head),
    ]
    day = signed(checkpoint_of("report", DAY, runs, None, BEGAN), runs, SIGNER)
    erased = replace(
        whole,
        chain=replace(whole.chain, pieces=()),
        destroyed=gone,
        checkpoint=day,
        erasure_checkpoint=day,
    )
    report = check(bundle_of(erased, SIGNER), given(day))
    assert (report.problems, len(report.notes)) == ([], 1)
    other = replace(erased, destroyed=gone.model_copy(update={"by": "bob"}))
    with pytest.raises(OtherHeadError):
        bundle_of(other, SIGNER)
    forged = bundle_of(replace(other, erasure_checkpoint=None), SIGNER)
    assert check(forged, given(day)).problems == [
        "the checkpoint of report of 2026-11-22 that you gave has another head of its erasure"
    ]
    kept = bundle_of(erased, SIGNER)["erasure-checkpoint.json"]
    assert check({**forged, "erasure-checkpoint.json": kept}, TRUSTED).problems == [
        "erasure-checkpoint.json: the erasure's head is not in it"
    ]


def test_bundle_of_an_erased_run_verifies_without_its_content() -> None:
    """The chain still holds, says how much is gone, and who had it destroyed is told."""
    whole = parts_of(4, None)
    gone = Destruction(by="ann", reason="request of the subject", at=BEGAN)
    erased = replace(whole, chain=replace(whole.chain, pieces=()), destroyed=gone)
    report = check(bundle_of(erased, SIGNER), TRUSTED)
    assert report.problems == []
    assert "pieces of content were erased" in report.notes[0]
    assert report.notes[-1] == "its erasure is not yet in a checkpoint"
    silent = replace(erased, destroyed=None)
    assert check(bundle_of(silent, SIGNER), TRUSTED).first_bad == 0
