"""`rota audit`: bundles of real runs, checked by the verifier they carry; reports."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rota.audit.checkpoints import RunHead, checkpoint_of, checkpoint_place, proof_place, signed
from rota.audit.reading_back import record_in
from rota.audit.verify import read_folder
from tests.approving import Ledger, decide, open_approvals, posting
from tests.rota.audit.audit_records import BEGAN, signer_of
from tests.stack import Stack, script
from tests.workers.cli.command_line import Ended, rota
from workers.cli.exit_codes import ExitCode

SIGNER = signer_of(1)


@dataclass(frozen=True)
class Office:
    """A served stack whose fleet signs its bundles, and its command line."""

    stack: Stack

    async def rota(self, *arguments: str) -> Ended:
        """Run a command."""
        return await rota(
            *arguments,
            *("--address", self.stack.address, "--store", self.stack.store.address),
            *("--task-queue", self.stack.task_queue, "--fleet", str(self.stack.folder)),
        )

    async def run(self, agent: str, number: int) -> str:
        """A run of `ann`'s that posts an amount once `kim` allows it, and remembers that."""
        handle = await self.stack.start(agent, f"{agent}/{number}", by="ann")
        (pending,) = await open_approvals(handle)
        await decide(handle, pending, note="as agreed")
        await handle.result()
        return handle.id

    async def declare(self) -> str:
        """An agent that thinks, posts and remembers."""
        agent = self.stack.name("poster")
        await self.stack.declare(
            agent,
            runtime=script(
                {"say": "I post it.", "calls": [posting("DE12")]},
                {"calls": [{"tool": "memory.update", "args": {"patch": {"last": "DE12"}}}]},
                {"result": {"posted": 1}},
            ),
            tools=["ledger.post", "memory.update"],
            approvals={"ledger.post": "always"},
            instructions="Post what is due.",
        )
        return agent

    def path(self, name: str) -> Path:
        """A place for what a command writes."""
        return self.stack.folder / name


@pytest.fixture
async def office(stack: Stack) -> AsyncIterator[Office]:
    """Nothing has run yet."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32).private_bytes_raw().hex()
    (stack.folder / "key").write_text(key)
    (stack.folder / "fleet.yaml").write_text(
        f"name: finance\naudit: {{signing_key: 'file:{stack.folder}/key'}}\n"
    )
    async with stack.worker(Ledger().tools):
        yield Office(stack)


async def verified(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the verifier that lies in a bundle, as somebody does who has nothing of Rota."""
    command = [sys.executable, "-I", str(folder / "verify.py"), *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False
    )


async def test_bundle_of_a_run_holds_what_happened_and_verifies_without_rota(
    office: Office,
) -> None:
    """Who, why, turns, call, approval, effect, memory, ledger; each byte is vouched for."""
    run = await office.run(await office.declare(), 1)
    bundle = office.path("bundle")
    written = await office.rota("audit", "export", run, "-o", str(bundle), "--json")
    assert written.code == ExitCode.OK, written.err
    assert (written.json["signed"], written.json["ended"]) == (True, True)
    assert written.json["notes"] == []
    holds = await verified(bundle, "--key", SIGNER.key)
    assert (holds.returncode, holds.stderr) == (0, "")
    assert "not yet in a checkpoint" in holds.stdout

    record = record_in(read_folder(bundle))
    (approval,), (post, remember) = record.approvals, record.calls
    assert (record.requester, record.trigger.value, record.status.value) == (
        *("ann", "manual"),
        "succeeded",
    )
    assert (approval.ruling.by, approval.ruling.note) == ("kim", "as agreed")
    assert approval.call == post.call.key
    assert approval.asked is not None
    assert (post.call.args, post.result) == ({"account": "DE12"}, "posted 5000")
    assert remember.call.name == "memory.update"
    assert [each.effect.stage.value for each in record.effects] == ["intent", "happened"]
    assert record.memory_after is not None
    assert record.memory_after.document == {"last": "DE12"}
    assert [turn.node.turn for turn in record.turns] == [1, 2, 3]
    assert all(turn.ended for turn in record.turns)
    assert record.spec is not None
    assert record.spec["instructions"] == "Post what is due."
    assert record.ledger is not None
    assert record.ledger.usage == record.turns[0].node.usage
    assert record.output == '{"posted": 1}'

    replayed = await office.rota("replay", str(bundle / "histories" / "1.json"), "--json")
    assert replayed.code == ExitCode.OK, replayed.err


async def test_bundle_written_again_has_the_same_head_and_gets_its_checkpoint(
    office: Office,
) -> None:
    """The chain of a run that has ended never changes, so a later checkpoint fits it."""
    agent = await office.declare()
    run = await office.run(agent, 1)
    first = await office.rota("audit", "export", run, "-o", str(office.path("one")), "--json")
    key = record_in(read_folder(office.path("one"))).run.key
    heads = [RunHead(run="other", head="0" * 64), RunHead(run=key, head=first.json["head"])]
    day = signed(checkpoint_of(agent, BEGAN.date(), heads, None, BEGAN), heads, SIGNER)
    store = office.stack.store
    digest = await store.put(day.model_dump_json().encode())
    await store.set_ref(proof_place(key), digest.encode())
    await store.set_ref(checkpoint_place(agent, BEGAN.date()), digest.encode())
    second = await office.rota("audit", "export", run, "-o", str(office.path("two")), "--json")
    assert second.json["head"] == first.json["head"]
    assert second.json["in_checkpoint"]
    checked = await rota(
        *("audit", "verify", str(office.path("two")), "--key", SIGNER.key, "--json")
    )
    assert (checked.code, checked.json[0]["problems"]) == (ExitCode.OK, [])
    assert [note.partition(":")[0] for note in checked.json[0]["notes"]] == ["not yet archived"]

    kept = office.path("checkpoints")
    handed = await office.rota("audit", "checkpoints", "-o", str(kept), "--json")
    assert (handed.json["checkpoints"], handed.json["new"]) == (1, 1), handed.err
    fleet = ("--fleet", str(office.path("")), "--checkpoint", str(kept))
    trusted = await rota("audit", "verify", str(office.path("two")), *fleet)
    assert trusted.code == ExitCode.OK, trusted.out
    heads[1] = RunHead(run=key, head="1" * 64)
    day = signed(checkpoint_of(agent, BEGAN.date(), heads, None, BEGAN), heads, SIGNER)
    digest = await store.put(day.model_dump_json().encode())
    await store.set_ref(checkpoint_place(agent, BEGAN.date()), digest.encode())
    again = await office.rota("audit", "checkpoints", "-o", str(kept))
    assert (again.code, "the store has another one" in again.err) == (ExitCode.FAILED, True)
    await store.set_ref(proof_place(key), digest.encode())
    third = await office.rota("audit", "export", run, "-o", str(office.path("three")))
    assert (third.code, "does not have the head" in third.err) == (ExitCode.FAILED, True)


async def test_runs_of_an_agent_are_exported_together_and_none_is_taken_away_unseen(
    office: Office,
) -> None:
    """Each is a bundle of its own; the index knows them all."""
    agent = await office.declare()
    runs = [await office.run(agent, number) for number in (1, 2)]
    bundles = office.path("bundles")
    selected = ("--agent", agent, "--since", "1d")
    while True:  # the server's lists lag a moment behind
        written = await office.rota("audit", "export", *selected, "-o", str(bundles), "--json")
        assert written.code == ExitCode.OK, written.err
        if sorted(each["run_id"] for each in written.json) == runs:
            break
        bundles = bundles.with_name(f"{bundles.name}-again")
    assert (await verified(bundles, "--key", SIGNER.key)).returncode == 0
    taken = Path(written.json[0]["folder"])
    shutil.move(taken, office.path("elsewhere"))
    checked = await rota("audit", "verify", str(bundles), "--key", SIGNER.key)
    assert checked.code == ExitCode.FAILED
    assert f"  {taken.name}: missing" in checked.out


async def test_report_is_written_from_the_server_and_from_a_bundle(office: Office) -> None:
    """Both tell the same, but for who was told of the end: channels alone know that."""
    run = await office.run(await office.declare(), 1)
    page = office.path("run.html")
    shown = await office.rota("audit", "show", run, "-o", str(page))
    assert (shown.code, shown.out.strip()) == (ExitCode.OK, str(page)), shown.err
    await office.rota("audit", "export", run, "-o", str(office.path("bundle")))
    again = office.path("again.html")
    read = await rota("audit", "show", str(office.path("bundle")), "-o", str(again), "--json")
    assert (read.code, read.json["run_id"]) == (ExitCode.OK, run), read.err
    assert page.stat().st_mode & 0o077 == 0
    for word in (b"kim", b"as agreed", b"posted 5000", b"Post what is due."):
        assert word in page.read_bytes()
        assert word in again.read_bytes()
    assert b'<th scope="row">announced</th><td>not applicable</td>' in page.read_bytes()
    assert b'<th scope="row">announced</th><td>unknown</td>' in again.read_bytes()


async def test_bundle_that_was_changed_ends_with_1_and_names_the_record(office: Office) -> None:
    """So do both verifiers; a folder that is none ends with 2."""
    run = await office.run(await office.declare(), 1)
    bundle = office.path("bundle")
    await office.rota("audit", "export", run, "-o", str(bundle))
    lines = (bundle / "events.jsonl").read_text().splitlines()
    seq = next(n for n, line in enumerate(lines) if json.loads(line)["kind"] == "approval")
    lines[seq] = lines[seq].replace('"verdict":"approve"', '"verdict":"deny"')
    (bundle / "events.jsonl").write_text("\n".join(lines) + "\n")
    ended = await rota("audit", "verify", str(bundle), "--json")
    assert (ended.code, ended.json[0]["first_bad"]) == (ExitCode.FAILED, seq)
    by_itself = await verified(bundle)
    assert by_itself.returncode == 1
    assert f"record {seq}: its words are not those that were hashed" in by_itself.stdout
    shown = await rota("audit", "show", str(bundle), "-o", str(office.path("shown.html")))
    assert (shown.code, f"was changed: record {seq}" in shown.err) == (ExitCode.FAILED, True)
    assert not office.path("shown.html").exists()
    assert (await rota("audit", "verify", str(office.path("")))).code == ExitCode.WRONG


async def test_wrong_requests_are_told_in_one_line(office: Office, tmp_path: Path) -> None:
    """No such run, a folder that is taken, nothing named, a key that is none."""
    wrong: list[tuple[int, tuple[str, ...], Any]] = [
        (ExitCode.NOT_FOUND, ("export", "no-such-run", "-o", str(tmp_path / "x")), "no run"),
        (ExitCode.NOT_FOUND, ("show", "no-such-run"), "'rota runs' lists"),
        (ExitCode.WRONG, ("export", "-o", str(tmp_path / "x")), "name a run"),
    ]
    for code, arguments, told in wrong:
        ended = await office.rota("audit", *arguments)
        assert (ended.code, ended.out) == (code, ""), ended.err
        assert told in ended.err
        assert len(ended.err.splitlines()) == 1
    printed = await rota("audit", "key", "--fleet", str(office.path("")))
    assert printed.out.strip() == SIGNER.key
    office.path("key").write_text("nonsense")
    refused = await rota("audit", "key", "--fleet", str(office.path("")))
    assert (refused.code, "holds no Ed25519 key" in refused.err) == (ExitCode.WRONG, True)
