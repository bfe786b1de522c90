"""What an insider with the right key changes while the checkpoint of the day stays.

He makes manifest and seal anew, and signs them: only chain and checkpoint hold against him.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from rota.audit.bundle import BundleParts, bundle_of
from rota.audit.chain import Entry, chained
from rota.audit.checking import check
from rota.audit.checkpoints import RunHead, checkpoint_of, signed
from rota.audit.entries import chain_of, entries_of
from rota.audit.hashing import canonical, sha256
from rota.audit.seals import sealed
from tests.rota.audit.audit_records import BEGAN, KEY, record, signer_of, trusting

SIGNER = signer_of(1)
TRUSTED = trusting(SIGNER)
Files = dict[str, bytes]


def bundle() -> Files:
    """A bundle with its checkpoint."""
    made = record(3, turns=3)
    chain = chain_of(made, KEY)
    heads = [RunHead(run=made.run.key, head=chain.head)]
    day = signed(checkpoint_of("report", date(2026, 11, 22), heads, None, BEGAN), heads, SIGNER)
    facts = {
        "agent": made.agent,
        "kind": made.kind,
        "namespace": made.namespace,
        "status": made.status.value,
        "started": chain.records[0].at,
        "ended": chain.records[-1].at,
    }
    parts = BundleParts(
        made.run, chain, "", facts, {"report.html": b"<!doctype html>"}, checkpoint=day
    )
    return bundle_of(parts, SIGNER)


def sealed_anew(files: Files, **facts: object) -> Files:
    """Make manifest and seal fit, and sign them with the right key."""
    apart = ("manifest.json", "seal.json", "checkpoint.json")
    manifest = {**json.loads(files["manifest.json"]), **facts}
    manifest["files"] = {path: sha256(data) for path, data in files.items() if path not in apart}
    files["manifest.json"] = canonical(manifest)
    seal = json.loads(files["seal.json"])["statement"]
    seal["manifest"] = sha256(files["manifest.json"])
    files["seal.json"] = canonical(sealed(seal, SIGNER))
    return files


def place_of(files: Files, path: str) -> str:
    """What content.json calls a file."""
    places = json.loads(files["content.json"])
    return next(place for place, where in places.items() if where["path"] == path)


def cut_into_its_salt(files: Files) -> Files:
    """Move the beginning of a content into its salt: the commitment is the same."""
    path, places = "turns/0002.json", json.loads(files["content.json"])
    place = places[place_of(files, path)]
    data = files[path]
    place["salt"] += data[: len(data) // 2].hex()
    files[path] = data[len(data) // 2 :]
    files["content.json"] = canonical(places)
    return sealed_anew(files)


def approvals_erased(files: Files) -> Files:
    """Say that the content was destroyed, and take away just what he does not like."""
    places = json.loads(files["content.json"])
    for place, where in list(places.items()):
        if where["path"].startswith("approvals/"):
            del places[place], files[where["path"]]
    files["content.json"] = canonical(places)
    return sealed_anew(files, destroyed={"by": "x"})


def of_another_run(files: Files) -> Files:
    """Hand it over as the record of another run."""
    return sealed_anew(files, run={"id": "payments-2026-01-01", "key": "other"})


def of_another_agent(files: Files) -> Files:
    """Or of another agent."""
    return sealed_anew(files, agent="payments")


def of_another_end(files: Files) -> Files:
    """Or with another end."""
    return sealed_anew(files, status="cancelled")


def of_another_time(files: Files) -> Files:
    """Or of another time."""
    return sealed_anew(files, started="2026-01-01T00:00:00.000000Z")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (cut_into_its_salt, "its content 'turn' was changed: turns/0002.json"),
        (approvals_erased, "content.json: there is content, though it was all erased"),
        (of_another_run, "manifest.json: its 'run' is not that of the chain"),
        (of_another_agent, "manifest.json: its 'agent' is not that of the chain"),
        (of_another_end, "manifest.json: its 'status' is not that of the chain"),
        (of_another_time, "manifest.json: its 'started' is not that of the chain"),
    ],
)
def test_what_an_insider_changes_is_found(change: Callable[[Files], Files], told: str) -> None:
    """The chain, which the checkpoint holds, says otherwise."""
    assert check(bundle(), TRUSTED).problems == []
    assert told in check(change(bundle()), TRUSTED).problems[0]


def test_what_hangs_on_the_seal_alone_is_the_insiders_to_write() -> None:
    """As the documentation says of pages and sheets: nothing but the signature covers them."""
    files = bundle()
    files["report.html"] = b"forged"
    assert check(sealed_anew(files), TRUSTED).problems == []


@pytest.mark.parametrize("number", [-1, 99, "0"])
def test_event_of_a_history_that_is_not_named_is_a_bad_record(number: object) -> None:
    """Not an error of the program; nor is it counted from the end."""
    made = record(3, turns=1)
    entries = entries_of(made)
    first = next(at for at, entry in enumerate(entries) if entry.kind == "event")
    entries[first] = replace(entries[first], body={**entries[first].body, "execution": number})
    chain = chained(entries, KEY, Entry(BEGAN, "closed", {}))
    report = check(bundle_of(BundleParts(made.run, chain, ""), SIGNER), TRUSTED)
    assert report.first_bad == first
    assert report.problems[0].endswith("it is of a history that the first record does not name")


def test_history_is_the_one_that_the_first_record_names() -> None:
    """Two digests of the same: one salted, one that is named by reports."""
    made = record(3, turns=1)
    entries = entries_of(made)
    wrong = [{**each, "sha256": "0" * 64} for each in entries[0].body["executions"]]
    entries[0] = replace(entries[0], body={**entries[0].body, "executions": wrong})
    chain = chained(entries, KEY, Entry(BEGAN, "closed", {}))
    report = check(bundle_of(BundleParts(made.run, chain, ""), SIGNER), TRUSTED)
    assert report.problems[0] == "record 0: it names another history than histories/1.json"


@pytest.mark.parametrize("name", ["seal.json", "checkpoint.json"])
def test_signed_file_holds_its_statement_and_nothing_beside(name: str) -> None:
    """What no signature covers is not to be read there."""
    files = bundle()
    files[name] = canonical({**json.loads(files[name]), "note": "all is well"})
    assert f"{name} does not hold what it should" in check(files, TRUSTED).problems[0]


def test_bundle_from_before_the_archive_says_that_it_may_change() -> None:
    """Programs and ledgers go on until the run is archived."""
    assert check(sealed_anew(bundle(), archived=False), TRUSTED).notes == [
        "not yet archived: exported again it may have another head"
    ]
