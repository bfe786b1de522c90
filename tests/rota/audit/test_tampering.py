"""What was changed in a bundle is found, and the first bad record is named."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from rota.audit.bundle import BundleParts, bundle_of
from rota.audit.chain import Entry, chained
from rota.audit.checking import check
from rota.audit.ed25519 import key_id
from rota.audit.entries import entries_of
from rota.audit.hashing import canonical, record_hash, sha256
from rota.audit.statements import NOBODY, UnreadableError
from rota.audit.verify import lines_of
from tests.rota.audit.audit_records import BEGAN, KEY, bundle, record, signer_of, trusting

SIGNER = signer_of(1)
TRUSTED = trusting(SIGNER)
Files = dict[str, bytes]
Tamper = Callable[[Files, random.Random], int]


def lines(files: Files) -> list[bytes]:
    """The records of a bundle, without line ends."""
    return files["events.jsonl"].splitlines()


def put(files: Files, changed: list[bytes]) -> None:
    """Write other records into a bundle, and do what needs no key to make it look right."""
    files["events.jsonl"] = b"".join(line + b"\n" for line in changed)
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["events.jsonl"] = sha256(files["events.jsonl"])
    manifest["records"] = len(changed)
    try:
        manifest["head"] = json.loads(changed[-1])["hash"]
    except ValueError:
        manifest["head"] = "0" * 64
    files["manifest.json"] = canonical(manifest)


def flip(files: Files, dice: random.Random) -> int:
    """Turn one bit of one record."""
    changed = lines(files)
    victim = dice.randrange(len(changed))
    line = bytearray(changed[victim])
    line[dice.randrange(len(line))] ^= 1 << dice.randrange(3)
    changed[victim] = bytes(line).replace(b"\n", b"?").replace(b"\r", b"?")
    put(files, changed)
    return victim


def drop(files: Files, dice: random.Random) -> int:
    """Take one record out of the middle."""
    changed = lines(files)
    victim = dice.randrange(len(changed) - 1)
    del changed[victim]
    put(files, changed)
    return victim


def reorder(files: Files, dice: random.Random) -> int:
    """Let two records change places."""
    changed = lines(files)
    one, other = sorted(dice.sample(range(len(changed)), 2))
    changed[one], changed[other] = changed[other], changed[one]
    put(files, changed)
    return one


def cut(files: Files, dice: random.Random) -> int:
    """Take the end away."""
    changed = lines(files)
    left = dice.randrange(1, len(changed))
    put(files, changed[:left])
    return left


def rechain(files: Files, dice: random.Random) -> int:
    """Change one record, and make all hashes after it fit again, the closing one included."""
    records: list[dict[str, Any]] = [json.loads(line) for line in lines(files)]
    victim = dice.randrange(1, len(records) - 1)
    records[victim]["body"]["forged"] = True
    for seq in range(victim, len(records)):
        record = records[seq]
        record["prev"] = records[seq - 1]["hash"]
        if record["kind"] == "closed":
            record["body"]["head"] = record["prev"]
        record["hash"] = record_hash(record)
    put(files, [canonical(record) for record in records])
    return victim


@pytest.mark.parametrize("tamper", [flip, drop, reorder, cut, rechain])
def test_bundle_that_was_changed_is_found_with_its_first_bad_record(tamper: Tamper) -> None:
    """One hundred random bundles, each changed in a random place."""
    for seed in range(100):
        files = bundle(seed, SIGNER)
        victim = tamper(files, random.Random(seed))
        report = check(files, TRUSTED)
        assert report.first_bad == victim, (seed, report)
        assert report.problems[0].startswith(("seal.json", f"record {victim}: ")), report


@pytest.mark.parametrize("signer", [SIGNER, None], ids=["signed", "unsigned"])
def test_bundle_as_it_was_written_holds(signer: Any) -> None:
    """Nothing is found in one hundred bundles that nobody touched."""
    for seed in range(100 if signer is None else 20):
        report = check(bundle(seed, signer), TRUSTED if signer else NOBODY)
        assert (report.problems, report.first_bad) == ([], None), seed


def reseal(files: Files) -> None:
    """Write the seal of an unsigned bundle anew: nobody can hold whoever has it from that."""
    hashes = [json.loads(line)["hash"] for line in lines(files)]
    seal = json.loads(files["seal.json"])
    seal["statement"] |= {"hashes": hashes, "manifest": sha256(files["manifest.json"])}
    files["seal.json"] = canonical(seal)


@pytest.mark.parametrize("tamper", [drop, reorder, cut])
def test_unsigned_bundle_whose_seal_was_made_anew_still_shows_what_is_missing(
    tamper: Tamper,
) -> None:
    """The chain tells by itself, as long as nobody makes all of it anew."""
    for seed in range(20):
        files = bundle(seed)
        victim = tamper(files, random.Random(seed))
        reseal(files)
        report = check(files)
        assert report.first_bad == victim, (seed, report)
        text = "missing" if tamper is cut else "in its place stands record"
        assert text in report.problems[0]


def test_record_that_was_put_in_from_another_chain_does_not_follow() -> None:
    """Its own hash fits its words, and its number its place, but not what it says was before."""
    files, other = bundle(3), bundle(4)
    changed = lines(files)
    changed[2] = lines(other)[2]
    put(files, changed)
    reseal(files)
    report = check(files)
    assert (report.first_bad, "does not follow" in report.problems[0]) == (2, True)


def test_record_that_says_a_thing_twice_is_none() -> None:
    """Two readers would read two things in it, and both fit the hash."""
    files = bundle(3)
    changed = lines(files)
    changed[1] = changed[1].replace(b'{"at"', b'{"kind":"approval","at"')
    put(files, changed)
    reseal(files)
    assert check(files).problems[0] == "record 1: it has not the form of a record"


def test_content_that_no_record_knows_is_found() -> None:
    """Nobody slips a file under the record."""
    files = bundle(3)
    index = json.loads(files["content.json"])
    index["1/forged"] = {"path": "spec.json", "salt": ""}
    files["content.json"] = canonical(index)
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["content.json"] = sha256(files["content.json"])
    files["manifest.json"] = canonical(manifest)
    reseal(files)
    assert check(files).problems == ["content that no record knows: 1/forged"]


def test_any_file_that_is_changed_or_taken_away_or_added_is_found() -> None:
    """Every file of a bundle, one bit each; content names its record."""
    dice = random.Random(7)
    for path in bundle(3, SIGNER, turns=3):
        files = bundle(3, SIGNER, turns=3)
        data = bytearray(files[path])
        data[dice.randrange(len(data))] ^= 1
        assert found({**files, path: bytes(data)}), path
        assert found({name: data for name, data in files.items() if name != path}), path
    assert found({**bundle(3, SIGNER), "extra.txt": b"?"})


def test_content_that_was_changed_names_its_record() -> None:
    """The record that commits to it, and the file."""
    files = bundle(3, SIGNER, turns=3)
    files["turns/0002.json"] += b" "
    report = check(files, TRUSTED)
    record = json.loads(lines(files)[report.first_bad or 0])
    assert (record["kind"], record["body"]["turn"]) == ("turn", 2)
    assert report.problems[0].endswith("its content 'turn' was changed: turns/0002.json")


def test_chain_that_leaves_an_event_out_or_moves_it_is_found_however_it_was_sealed() -> None:
    """The first record says which events there are, so no record of one can be left out."""
    made = record(6, turns=2)
    entries = entries_of(made)
    events = [number for number, entry in enumerate(entries) if entry.kind == "event"]
    swapped = list(entries)
    swapped[events[0]], swapped[events[1]] = swapped[events[1]], swapped[events[0]]
    without = [[*entries[:n], *entries[n + 1 :]] for n in (events[1], events[-1])]
    for kept in (*without, swapped):
        chain = chained(kept, KEY, Entry(BEGAN, "closed", {}))
        report = check(bundle_of(BundleParts(made.run, chain, verifier=""), SIGNER), TRUSTED)
        assert report.first_bad is not None
        assert "event" in report.problems[0]


def found(files: Files) -> bool:
    """True if the verifier finds anything wrong, or refuses."""
    try:
        return bool(check(files, TRUSTED).problems)
    except UnreadableError:
        return True


def test_bundle_made_anew_by_somebody_else_is_found_by_the_key() -> None:
    """Whoever rewrites all of it can sign it, but not with the key that is trusted."""
    other = signer_of(2)
    report = check(bundle(5, other), TRUSTED)
    mine = key_id(bytes.fromhex(other.key))
    assert report.problems == [f"seal.json: signed with another key than yours, {mine}"]
    assert check(bundle(5), TRUSTED).problems == ["seal.json: its signature does not hold"]


def test_bundle_whose_key_is_not_named_says_that_it_brought_its_own() -> None:
    """And an unsigned one says that it proves little."""
    signed, unsigned = check(bundle(5, SIGNER)), check(bundle(5))
    assert "came with it: name the one you trust" in signed.notes[0]
    assert "not signed" in unsigned.notes[0]
    assert any("not yet in a checkpoint" in line for line in lines_of(signed))
