"""Looks that hang, block or raise: each is one failed check, and none keeps others waiting."""

import asyncio
import threading
import time
from collections.abc import Sequence
from datetime import timedelta

import pytest

from activities.secrets import Secrets
from workers.checks import Check
from workers.looks import GRACE_SECONDS, Look, take_all

SHORT = timedelta(milliseconds=200)


async def well() -> Check:
    """Somebody who answers."""
    return Check("well", True, "there")


async def test_looks_that_hang_are_named_and_the_others_are_answered() -> None:
    """One that waits is stopped in order; one that blocks its thread is left behind."""
    stopped, released = threading.Event(), threading.Event()

    async def waits() -> Check:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError("nobody sets it")

    async def blocks() -> Check:
        released.wait()
        return await well()

    looks = [Look("waits", waits), Look("blocks", blocks), Look("well", well)]
    since = time.monotonic()
    checks = await take_all(looks, limit=SHORT)
    took = time.monotonic() - since
    released.set()
    assert [(check.name, check.ok) for check in checks] == [
        ("waits", False),
        ("blocks", False),
        ("well", True),
    ]
    assert {check.found for check in checks[:2]} == {"no answer within 200ms"}
    assert all(check.cure for check in checks[:2])
    assert stopped.is_set()
    assert took < GRACE_SECONDS + 5


async def test_look_has_a_limit_of_its_own_where_it_names_one() -> None:
    """A server that may take longer is not cut off with the others."""

    async def slow() -> Check:
        await asyncio.sleep(0.3)
        return await well()

    (check,) = await take_all([Look("slow", slow, timedelta(seconds=30))], limit=SHORT)
    assert check.ok


async def test_look_that_raises_is_a_failed_check_without_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever a package lets through, the doctor goes on, and shows no secret of it."""
    monkeypatch.setenv("ROTA_LOOK_SECRET", "open sesame!")

    async def raises() -> Check:
        raise RuntimeError(f"refused: {Secrets()('env:ROTA_LOOK_SECRET')}")

    (check,) = await take_all([Look("raises", raises)])
    assert check.found == "its probe failed: RuntimeError: refused: [redacted]"
    assert not check.ok


async def test_look_that_has_nothing_to_say_makes_no_check_and_names_are_told_meanwhile() -> None:
    """Whoever waits sees for whom."""
    heard: list[list[str]] = []

    async def silent() -> None:
        return None

    def told(waiting: Sequence[str]) -> None:
        heard.append(list(waiting))

    checks = await take_all([Look("silent", silent), Look("well", well)], told)
    assert [check.name for check in checks] == ["well"]
    assert heard[0] == ["silent", "well"]
    assert heard[-1] == []
