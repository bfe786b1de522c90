"""A person decides on a call by a link: looks, clicks, and it is used up."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from temporalio.client import WorkflowHandle

from rota.approvals.links import ApprovalLink, ApprovalLinks, AskedApproval
from rota.approvals.requests import OpenApproval
from rota.runs import RunStatus
from tests.approving import Ledger, calling, open_approvals, posting
from tests.stack import Stack
from tests.workers.gateway.gateways import gateway_of, served
from tests.workers.gateway.read_pages import Page
from workers.gateway import asked_call

LINKS = ApprovalLinks("http://127.0.0.1", "test", "default", (b"a secret of this fleet",))
HOSTILE = '</pre><script>alert(1)</script>\u202e"'


class Desk:
    """A served gateway with links, and a run that waits there."""

    def __init__(self, stack: Stack, ledger: Ledger, asking: httpx2.AsyncClient) -> None:
        self.stack, self.ledger, self.asking = stack, ledger, asking

    async def waiting(self, *calls: dict[str, Any], **rule: Any) -> WorkflowHandle[Any, Any]:
        """A run of `pat` that makes these calls."""
        agent = self.stack.name("payer")
        await self.stack.declare(
            agent,
            runtime=calling(*calls),
            tools=["ledger.post"],
            approvals={"ledger.post": {"timeout": "1h", **rule}},
        )
        handle = await self.stack.start(agent, f"{agent}-1", by="pat")
        await open_approvals(handle, len(calls))
        return handle

    async def link(self, handle: WorkflowHandle[Any, Any], by: str = "", at: int = 0) -> str:
        """A link to one of its calls."""
        waiting = (await handle.query("status"))["approvals"]
        asked = AskedApproval.of(OpenApproval.model_validate(waiting[at]))
        return LINKS.address(ApprovalLink.to(handle.id, asked, by)).removeprefix(LINKS.url)

    async def send(
        self, link: str, verdict: str = "approve", headers: Any = None, **fields: str
    ) -> httpx2.Response:
        """Look, then send the page's form as a browser does."""
        page = Page((await self.asking.get(link)).text)
        hidden = [field for field in page.all("input") if field.get("type") == "hidden"]
        seen = {str(field["name"]): str(field["value"]) for field in hidden}
        given = {**seen, "verdict": verdict, "by": "kim", **fields}
        return await self.asking.post(link, data=given, headers=headers)


@pytest.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    """Nobody waits yet. The gateway's own token is nothing that a link's holder has."""
    ledger = Ledger()
    gateway = replace(gateway_of(stack, token="sixteen letters or more"), links=LINKS)
    async with stack.worker(ledger.tools), served(gateway) as asking:
        yield Desk(stack, ledger, asking)


async def test_person_looks_decides_and_the_link_is_used_up(desk: Desk) -> None:
    """Looking, however often and by whomever, changes nothing; a second decision is refused."""
    handle = await desk.waiting(posting("DE12", amount=7))
    link = await desk.link(handle)
    before = (await handle.describe()).history_length
    looked = [
        await desk.asking.get(link),
        await desk.asking.head(link),
        await desk.asking.get(link),
    ]
    assert (await handle.describe()).history_length == before
    assert [each.status_code for each in looked] == [200, 200, 200]
    decided = await desk.send(link, note="checked with the bank")
    result = await handle.result()
    again = await desk.asking.post(link, data={"verdict": "deny", "by": "eve", "seen": "x"})
    seen = await desk.asking.get(link)
    assert "a1 approved by kim: checked with the bank." in Page(decided.text).text
    assert desk.ledger.posted == [{"account": "DE12", "amount": 7}]
    assert (result.status, result.approvals[0].by) == (RunStatus.SUCCEEDED, "kim")
    assert (again.status_code, seen.status_code) == (410, 410)
    assert "does not wait for a decision any more" in again.text


async def test_page_shows_the_exact_request_and_stays_shut(desk: Desk) -> None:
    """Arguments in full, long ones too, unseen signs written out; nothing is kept or handed on."""
    handle = await desk.waiting(posting(HOSTILE), posting("x" * 4000))
    short = await desk.asking.get(await desk.link(handle))
    long = await desk.asking.get(await desk.link(handle, at=1))
    page = Page(short.text)
    request = (await handle.query("status"))["approvals"][0]["request"]
    assert page.wrong == []
    assert not page.all("script")
    assert '"account": "</pre><script>alert(1)</script>\\u202e\\""' in page.text
    assert "x" * 4000 in Page(long.text).text
    for told in (handle.id, "ledger.post", "pat", request["digest"], "then it is denied"):
        assert told in page.text
    assert [each["value"] for each in page.all("input") if each.get("type") == "radio"] == [
        "approve",
        "deny",
    ]
    assert "form-action 'self'" in short.headers["content-security-policy"]
    assert short.headers["referrer-policy"] == "no-referrer"
    assert short.headers["cache-control"] == "no-store"


async def test_what_does_not_count_says_so_and_does_nothing(desk: Desk) -> None:
    """Forged, expired, of another fleet, of another request, without a name, from elsewhere."""
    handle = await desk.waiting(posting("DE12"))
    link = await desk.link(handle)
    waiting = (await handle.query("status"))["approvals"][0]
    asked = AskedApproval.of(OpenApproval.model_validate(waiting))

    def other(links: ApprovalLinks = LINKS, run: str = handle.id, **changes: Any) -> str:
        made = links.address(ApprovalLink.to(run, asked.model_copy(update=changes)))
        return made.removeprefix(LINKS.url)

    past = datetime.now(UTC) - timedelta(hours=1)
    answers = {
        "forged": await desk.send(link[:-4] + "AAAA"),
        "fleet": await desk.send(other(replace(LINKS, fleet="shop"))),
        "expired": await desk.send(other(until=past)),
        "digest": await desk.send(other(digest="0" * 64)),
        "call": await desk.send(other(call="a2")),
        "run": await desk.send(other(run="no-such-run")),
        "nobody": await desk.send(link, by=" "),
        "unseen": await desk.send(link, seen="0" * 64),
        "elsewhere": await desk.send(link, headers={"sec-fetch-site": "cross-site"}),
        "verdict": await desk.send(link, "edit"),
        "large": await desk.send(link, note="n" * 20_000),
    }
    statuses = {name: answer.status_code for name, answer in answers.items()}
    assert statuses == {
        "forged": 403,
        "fleet": 403,
        "expired": 410,
        "digest": 410,
        "call": 410,
        "run": 410,
        "nobody": 400,
        "unseen": 409,
        "elsewhere": 403,
        "verdict": 400,
        "large": 413,
    }
    assert "This link's time was over at " in Page(answers["expired"].text).text
    told = [name for name, answer in answers.items() if "Nothing was changed" in answer.text]
    assert told == [name for name in answers if name != "large"]
    back = [name for name, answer in answers.items() if '<a href="">Look again</a>' in answer.text]
    assert back == ["nobody", "unseen", "verdict"]
    assert [each["id"] for each in (await handle.query("status"))["approvals"]] == ["a1"]
    assert desk.ledger.posted == []
    await handle.cancel()


async def test_four_eyes_need_a_link_that_names_somebody_else(desk: Desk) -> None:
    """Whoever asked for the run denies it, and approves it neither by name nor by address."""
    handle = await desk.waiting(posting("A"), posting("B"), four_eyes=True)
    unnamed, own = await desk.link(handle), await desk.link(handle, by="pat@example.com")
    offered = Page((await desk.asking.get(unnamed)).text).all("input")
    refused = [await desk.send(unnamed, by="kim"), await desk.send(own)]
    denied = await desk.send(unnamed, "deny", by="pat")
    approved = await desk.send(await desk.link(handle, by="kim"), by="pat")
    await handle.result()
    assert [each["value"] for each in offered if each.get("type") == "radio"] == ["deny"]
    assert [each.status_code for each in refused] == [403, 403]
    assert "a1 denied by pat." in denied.text
    assert "a2 approved by kim." in approved.text
    assert desk.ledger.posted == [{"account": "B", "amount": 5000}]


async def test_run_that_nobody_serves_is_told_apart_from_one_that_is_over(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost: it may be looked at again."""
    monkeypatch.setattr(asked_call, "ANSWER", timedelta(seconds=1))
    run = stack.name("unserved")
    handle = await stack.client.start_workflow("AgentRun", id=run, task_queue=f"{run}-queue")
    asked = AskedApproval(call="a1", digest="0" * 64, until=datetime.now(UTC) + timedelta(hours=1))
    link = LINKS.address(ApprovalLink.to(run, asked)).removeprefix(LINKS.url)
    async with served(replace(gateway_of(stack), links=LINKS)) as asking:
        away = await asking.get(link)
        await handle.terminate()
        over = await asking.get(link)
    assert (away.status_code, away.headers["retry-after"], over.status_code) == (503, "10", 410)


async def test_gateway_of_a_fleet_without_links_has_no_such_pages(stack: Stack) -> None:
    """What nobody declared is not there."""
    async with served(gateway_of(stack)) as asking:
        assert (await asking.get("/approve/x.y")).status_code == 404
