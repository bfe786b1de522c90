"""Chromium, where it is installed: pages as a real browser shows them, without a window."""

import asyncio
import shutil
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_SECONDS = 60


class Browser:
    """Opens one page at a time, and leaves nothing behind but what was asked for."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder

    async def document(self, url: str) -> str:
        """What became of the page once it was loaded, as HTML."""
        return await self._run("--dump-dom", url)

    async def picture(self, url: str, name: str) -> Path:
        """A picture of the page."""
        path = self._folder / name
        await self._run("--window-size=1200,1600", f"--screenshot={path}", url)
        return path

    async def _run(self, *arguments: str) -> str:
        options = ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
        # Nothing but this machine is reached; containers have no sandbox of their own.
        loopback = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        process = await asyncio.create_subprocess_exec(
            *(self._program, *options, "--no-sandbox", loopback),
            *(f"--user-data-dir={self._folder / 'profile'}", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode()
