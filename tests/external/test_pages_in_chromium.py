"""The gateway's pages in a real browser: it asks for the token, and shows what was made."""

from tests.external.browser import Browser
from tests.stack import Stack, script
from tests.workers.gateway.gateways import gateway_of, served
from tests.workers.gateway.read_pages import Page

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
        page = Page(await browser.document(known))
        stranger = Page(await browser.document(address))
        picture = await browser.picture(known, "fleet.png")
    assert page.all("h1")
    assert "<b>bold</b>" in page.text
    assert not stranger.all("h1")
    assert picture.read_bytes().startswith(PNG)
