"""`rota approvals`, `rota approve`, `rota deny`: decisions on the command line."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from rota.approvals.links import ApprovalLinks
from rota.runs import RunStatus
from tests.approving import Ledger, open_approvals, posting
from tests.stack import Stack, script
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.gates import poll
from workers.cli import roll_call
from workers.cli.exit_codes import ExitCode
from workers.devserver import temporal_binary
from workflows.run_kit.visibility import AGENT, STATUS


@dataclass(frozen=True)
class Office:
    """A served stack with a ledger, and its command line."""

    stack: Stack
    ledger: Ledger

    async def rota(self, *arguments: str) -> Ended:
        """Run a command."""
        return await rota(
            *arguments,
            *("--address", self.stack.address, "--store", self.stack.store.address),
            *("--task-queue", self.stack.task_queue),
        )

    async def poster(
        self, *calls: dict[str, Any], rule: Any = "always", base: str = "poster"
    ) -> WorkflowHandle[Any, Any]:
        """A run of `pat` that makes these calls and waits for decisions on all of them."""
        agent = self.stack.name(base)
        await self.stack.declare(
            agent,
            runtime=script({"calls": list(calls)}, {"result": "done"}),
            tools=["ledger.post"],
            approvals={"ledger.post": rule},
        )
        handle = await self.stack.start(agent, f"{agent}-1", by="pat")
        await open_approvals(handle, len(calls))
        return handle


@pytest.fixture
async def office(stack: Stack) -> AsyncIterator[Office]:
    """Nobody waits yet."""
    ledger = Ledger()
    async with stack.worker(ledger.tools):
        yield Office(stack, ledger)


async def own(office: Office, *handles: WorkflowHandle[Any, Any]) -> list[dict[str, Any]]:
    """What `rota approvals --json` lists of these runs; others' tests share the server."""
    listed = await office.rota("approvals", office.stack.name("poster"), "--json")
    assert listed.code == ExitCode.OK, listed.err
    runs = [handle.id for handle in handles]
    return [each for each in listed.json if each["run"] in runs]


async def test_approvals_lists_the_exact_arguments_and_what_follows(office: Office) -> None:
    """Also arguments that are too long for history, for whom, and until when."""
    rule = {"timeout": "4h", "otherwise": "park", "four_eyes": True}
    handle = await office.poster(posting("DE12"), posting("x" * 4000), rule=rule)
    short, long = await own(office, handle)
    shown = await office.rota("approvals", office.stack.name("poster"))
    assert (short["run"], short["call"], short["tool"]) == (handle.id, "a1", "ledger.post")
    assert short["arguments"] == {"account": "DE12"}
    assert long["arguments"] == {"account": "x" * 4000}
    assert (short["requester"], short["key"]) == ("pat", "ledger.post")
    assert short["since"] < short["until"]
    assert short["rule"]["otherwise"] == "park"
    assert "pat (four eyes)" in shown.out
    assert "then parked" in shown.out
    assert short["digest"][:12] in shown.out


async def test_approve_and_deny_decide_on_the_calls_they_name(office: Office) -> None:
    """One is made, one with other arguments, one not; the run ends, and nothing waits."""
    handle = await office.poster(posting("A"), posting("B"), posting("C"))
    several = await office.rota("approve", handle.id, "--by", "kim")
    approved = await office.rota("approve", handle.id, "a1", "--by", "kim", "--json")
    edit = json.dumps({"account": "B2", "amount": 1})
    edited = await office.rota("approve", handle.id, "a2", "--by", "kim", "--edit", edit)
    denied = await office.rota("deny", handle.id, "--by", "kim", "--note", "no")
    result = await handle.result()
    late = await office.rota("approve", handle.id, "--by", "kim")
    assert several.code == ExitCode.WRONG
    assert "several calls wait: name one of them" in several.err
    assert 'error: a2: ledger.post {"account": "B"} (' in several.err
    assert approved.json["told"] == "a1 approved by kim"
    assert 'ledger.post {"account": "B"} (' in edited.err
    assert "): a2 approved by kim with other arguments" in edited.err
    assert "a3 denied by kim: no" in denied.err
    posted = sorted(office.ledger.posted, key=lambda entry: entry["account"])
    assert posted == [{"account": "A", "amount": 5000}, {"account": "B2", "amount": 1}]
    assert result.status is RunStatus.SUCCEEDED
    assert (late.code, "has ended" in late.err) == (ExitCode.FAILED, True)
    assert await own(office, handle) == []


async def test_decision_that_does_not_count_says_why(office: Office) -> None:
    """No call named, one's own, another digest, arguments that do not fit, no such call or run."""
    handle = await office.poster(posting("A"), rule={"four_eyes": True})
    unnamed = await office.rota("approve", handle.id, "--by", "kim")
    same = await office.rota("approve", handle.id, "a1", "--by", "pat")
    other = await office.rota("approve", handle.id, "--by", "kim", "--digest", "0" * 12)
    unfit = await office.rota("approve", handle.id, "a1", "--by", "kim", "--edit", '{"amount": 1}')
    no_json = await office.rota("approve", handle.id, "a1", "--by", "kim", "--edit", "{amount}")
    unknown = await office.rota("deny", handle.id, "a9", "--by", "kim")
    nobody = await office.rota("deny", handle.id, "--by", " ")
    no_run = await office.rota("approve", "no-such-run", "--by", "kim")
    assert unnamed.code == ExitCode.WRONG
    assert 'ledger.post {"account": "A"} (' in unnamed.err
    assert "waits; to allow this, write its name: a1" in unnamed.err
    assert same.code == ExitCode.FAILED
    assert "somebody else has to approve it" in same.err
    assert (other.code, "is not what waits" in other.err) == (ExitCode.WRONG, True)
    assert (unfit.code, "account: Field required" in unfit.err) == (ExitCode.FAILED, True)
    assert (no_json.code, "not JSON" in no_json.err) == (ExitCode.WRONG, True)
    assert (unknown.code, "pending are: a1" in unknown.err) == (ExitCode.NOT_FOUND, True)
    assert (nobody.code, "--by NAME" in nobody.err) == (ExitCode.WRONG, True)
    assert no_run.code == ExitCode.NOT_FOUND
    assert office.ledger.posted == []


async def test_approvals_lists_what_answers_and_names_what_does_not(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose worker is away hides no other."""
    monkeypatch.setattr(roll_call, "PATIENCE", timedelta(seconds=1))
    agent = office.stack.name("poster")
    served = await office.poster(posting("A"))
    away = await office.stack.client.start_workflow(
        "AgentRun",
        id=f"{agent}-away",
        task_queue=f"{office.stack.task_queue}-away",
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(AGENT, agent),
                SearchAttributePair(STATUS, RunStatus.AWAITING_APPROVAL.value),
            ]
        ),
    )
    query = f"RotaAgent = '{agent}' AND RotaStatus = 'awaiting_approval'"

    async def both_listed() -> bool | None:
        return (await office.stack.client.count_workflows(query)).count == 2 or None

    await poll(both_listed)
    listed = await office.rota("approvals", agent, "--json")
    await away.terminate()
    assert [each["run"] for each in listed.json] == [served.id]
    assert f"not listed are the calls of {away.id}: no worker answers for it" in listed.err


async def test_link_is_made_by_hand_for_somebody_or_whoever_gets_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the call that is named; it says until when it counts, and what a fleet without lacks."""
    handle = await office.poster(posting("A"), posting("B"))
    fleet = ("--fleet", str(office.stack.folder))
    without = await office.rota("approvals", "link", handle.id, "a2", *fleet)
    (office.stack.folder / "fleet.yaml").write_text(
        "name: test\ngateway: {url: https://rota.example.com, links: {secret: env:LINKS}}\n"
    )
    monkeypatch.delenv("LINKS", raising=False)
    unset = await office.rota("approvals", "link", handle.id, "a2", *fleet)
    monkeypatch.setenv("LINKS", "sixteen letters or more")
    several = await office.rota("approvals", "link", handle.id, *fleet)
    made = await office.rota("approvals", "link", handle.id, "a2", "--for", "kim", "--json", *fleet)
    plain = await office.rota("approvals", "link", handle.id, "a2", *fleet)
    odd = [
        await office.rota("approvals", "link", handle.id, "a2", "--for", name, *fleet)
        for name in ("k" * 201, "kim\u202e", "kim\npat")
    ]
    await handle.cancel()
    links = ApprovalLinks("", "test", "default", (b"sixteen letters or more",))
    link = links.read(made.json["link"].rpartition("/")[2], datetime.now(UTC))
    assert (link.run, link.call, link.by) == (handle.id, "a2", "kim")
    assert made.json["until"] == datetime.fromisoformat(made.json["until"]).isoformat()
    assert plain.out.startswith("https://rota.example.com/approve/")
    assert links.read(plain.out.strip().rpartition("/")[2], datetime.now(UTC)).by == ""
    assert 'ledger.post {"account": "B"}' in plain.err
    assert (without.code, "links: {secret: env:NAME}" in without.err) == (ExitCode.WRONG, True)
    assert (unset.code, "has no LINKS" in unset.err) == (ExitCode.WRONG, True)
    assert (several.code, "name one of them" in several.err) == (ExitCode.WRONG, True)
    told = "error: --for: a name has at most 200 characters, in one line\n"
    assert [(each.code, each.out, each.err) for each in odd] == [(ExitCode.WRONG, "", told)] * 3


async def test_link_that_cannot_approve_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under four eyes: one that names nobody, or who asked for the run; it can still deny."""
    monkeypatch.setenv("LINKS", "sixteen letters or more")
    (office.stack.folder / "fleet.yaml").write_text(
        "name: test\ngateway: {url: https://rota.example.com, links: {secret: env:LINKS}}\n"
    )
    handle = await office.poster(posting("A"), rule={"four_eyes": True})
    fleet = ("--fleet", str(office.stack.folder))
    made = [
        await office.rota("approvals", "link", handle.id, *names, *fleet)
        for names in ((), ("--for", "pat"), ("--for", "kim"))
    ]
    await handle.cancel()
    assert all(each.out.startswith("https://rota.example.com/approve/") for each in made)
    nobody, own, other = (each.err for each in made)
    assert "With this one it can only be denied." in nobody
    assert "pat asked for this run; somebody else has to approve it." in own
    assert "approve it" not in other


async def test_run_shows_what_was_decided(office: Office) -> None:
    """In the run's document and its report, as one of its steps."""
    handle = await office.poster(posting("A"))
    await office.rota("deny", handle.id, "--by", "kim", "--note", "no")
    await handle.result()
    shown = await office.rota("show", handle.id, "--json")
    report = await office.rota("show", handle.id)
    [ruling] = shown.json["approvals"]
    assert (ruling["verdict"], ruling["by"]) == ("deny", "kim")
    assert "ledger.post: a1 denied by kim: no" in report.out


async def test_decision_is_plain_json_for_temporals_own_command_line(office: Office) -> None:
    """`temporal workflow update execute --name decide` does what `rota approve` does."""
    handle = await office.poster(posting("A"))
    [pending] = await open_approvals(handle)
    digest = pending["request"]["digest"][:12]
    said = {"call": "a1", "digest": digest, "verdict": "approve", "by": "kim"}
    process = await asyncio.create_subprocess_exec(
        *(temporal_binary(), "workflow", "update", "execute", "--name", "decide"),
        *("--workflow-id", handle.id, "--input", json.dumps(said), "-o", "json"),
        *("--address", office.stack.address),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    result = await handle.result()
    assert process.returncode == 0
    assert "a1 approved by kim" in out.decode()
    assert (result.approvals[0].by, len(office.ledger.posted)) == ("kim", 1)
