"""The gateway's pages in a real browser: it asks for the token, shows what was made, decides."""

import asyncio
from dataclasses import replace

from rota.approvals.links import ApprovalLink, ApprovalLinks, AskedApproval
from rota.approvals.requests import OpenApproval
from rota.runs import RunStatus
from tests.approving import Ledger, calling, open_approvals, posting
from tests.external.browser import Browser
from tests.external.keyboard import DOWN, ENTER, SPACE, TAB, UP, Keyboard
from tests.stack import Stack, script
from tests.workers.gateway.gateways import gateway_of, served
from tests.workers.gateway.read_pages import Page
from tests.workflows.gates import poll

TOKEN = "sixteen-letters-or-more"
PNG = b"\x89PNG"


async def test_browser_shows_the_fleet_to_who_has_the_token(stack: Stack, browser: Browser) -> None:
    """It understands how it is asked for a password, and the style is taken: it is the page's."""
    agent = stack.name("shown")
    async with stack.worker(), served(gateway_of(stack, token=TOKEN)) as asking:
        await stack.declare(agent, runtime=script({"result": 1}), description="<b>bold</b>")
        await stack.run(agent, f"{agent}-1")
        address = str(asking.base_url)
        known = address.replace("://", f"://somebody:{TOKEN}@")

        async def listed() -> bool | None:
            answer = await asking.get("/", auth=("anybody", TOKEN), timeout=30)
            return agent in answer.text or None

        await poll(listed, 60)
        page = Page(await browser.document(known))
        stranger = Page(await browser.document(address))
        picture = await browser.picture(known, "fleet.png")
    assert page.all("h1")
    assert "<b>bold</b>" in page.text
    assert not stranger.all("h1")
    assert picture.read_bytes().startswith(PNG)


async def test_person_without_a_mouse_decides_by_a_link(stack: Stack, keys: Keyboard) -> None:
    """By keys alone, within all that the page's headers forbid; Enter too soon decides nothing."""
    ledger, agent = Ledger(), stack.name("payer")
    links = ApprovalLinks("", "test", "default", (b"a secret of this fleet",))
    gateway = replace(gateway_of(stack), links=links)
    async with stack.worker(ledger.tools), served(gateway) as asking:
        await stack.declare(
            agent,
            runtime=calling(posting("DE12")),
            tools=["ledger.post"],
            approvals={"ledger.post": "always"},
        )
        handle = await stack.start(agent, f"{agent}-1", by="pat")
        [waiting] = await open_approvals(handle)
        asked = AskedApproval.of(OpenApproval.model_validate(waiting))
        path = links.address(ApprovalLink.to(handle.id, asked))
        await keys.go(str(asking.base_url).rstrip("/") + path)
        order: list[str] = []
        while (order or [""])[-1] != "by":
            await keys.press(TAB)
            order.append(await keys.focused())
            assert len(order) < 6
        await keys.press("kim", ENTER)
        undecided = (await handle.query("status"))["approvals"]
        asked_for = await keys.focused()
        await keys.press(SPACE, DOWN)
        chosen = await keys.focused()
        await keys.press(UP, TAB, "checked", TAB)
        sending = await keys.focused()
        await keys.press(ENTER)
        async with asyncio.timeout(20):
            result = await handle.result()
        page = Page(await keys.document())
    assert order[0] == "Skip to the content"
    assert len(undecided) == 1
    assert (asked_for, chosen) == ("verdict approve", "verdict deny")
    assert sending == "Send the decision"
    assert result.status is RunStatus.SUCCEEDED
    assert (result.approvals[0].by, result.approvals[0].note) == ("kim", "checked")
    assert ledger.posted == [{"account": "DE12", "amount": 5000}]
    assert "a1 approved by kim: checked." in page.text
