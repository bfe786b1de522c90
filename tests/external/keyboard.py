"""A browser that is driven by keys alone, through its WebDriver: whoever has no mouse does this."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.external.browser import CHROMIUM
from tests.workflows.gates import poll
from workers.devserver import free_port

CHROMEDRIVER = shutil.which("chromedriver")
TAB, SPACE, ENTER, UP, DOWN = "\ue004", "\ue00d", "\ue007", "\ue013", "\ue015"
"""Keys as WebDriver writes them."""


class Keyboard:
    """One window, and the keys that are pressed in it."""

    def __init__(self, asking: httpx2.AsyncClient, session: str) -> None:
        self._asking = asking
        self._path = f"/session/{session}"

    async def go(self, url: str) -> None:
        """Open a page, and wait until it is there."""
        await self._post("/url", {"url": url})

    async def press(self, *keys: str) -> None:
        """Press keys, and type texts, one after the other."""
        signs = [sign for text in keys for sign in text]
        actions = [{"type": kind, "value": sign} for sign in signs for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        await self._post("/actions", {"actions": [source]})

    async def focused(self) -> str:
        """What the next key goes to: name or text of the element."""
        script = (
            "const e = document.activeElement;"
            "return e.name ? e.name + ' ' + (e.value || '') : e.textContent.trim()"
        )
        return str(await self._post("/execute/sync", {"script": script, "args": []})).strip()

    async def document(self) -> str:
        """The page as it is now."""
        answer = await self._asking.get(f"{self._path}/source")
        return str(answer.raise_for_status().json()["value"])

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self._asking.post(self._path + path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]


@asynccontextmanager
async def keyboard(folder: Path) -> AsyncGenerator[Keyboard]:
    """Yield a window; driver and browser end with the block."""
    assert CHROMIUM is not None
    assert CHROMEDRIVER is not None
    port = free_port()
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={folder / 'keyboard'}",
    ]
    wanted = {"goog:chromeOptions": {"binary": CHROMIUM, "args": options}}
    driver = await asyncio.create_subprocess_exec(
        CHROMEDRIVER,
        f"--port={port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        async with httpx2.AsyncClient(base_url=address, timeout=60) as asking:

            async def ready() -> bool | None:
                try:
                    return (await asking.get("/status")).status_code == 200 or None
                except httpx2.ConnectError:
                    return None

            await poll(ready)
            body = {"capabilities": {"alwaysMatch": wanted}}
            made = (await asking.post("/session", json=body)).raise_for_status()
            session = made.json()["value"]["sessionId"]
            try:
                yield Keyboard(asking, session)
            finally:
                await asking.delete(f"/session/{session}")
    finally:
        driver.terminate()
        await driver.wait()
