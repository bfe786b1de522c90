"""The image's steps are done, and what they leave runs as nobody on a root it cannot write to."""

import asyncio
import subprocess
from collections.abc import Iterator

import httpx2
import pytest

from tests.external.image_root import Image, built_image
from tests.stack import Stack
from tests.workflows.gates import poll
from workers.devserver import free_port

HELLO = """name: hello
runtime: {kind: scripted, turns: [{result: hello}]}
"""


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The image, built once."""
    with built_image() as built:
        yield built


def test_image_holds_what_runs_and_nothing_that_develops(image: Image) -> None:
    """All that is needed fits together; no test tool, no installer, no source tree."""
    listed = "import importlib.metadata as m; print(*sorted(d.name for d in m.distributions()))"
    found = subprocess.run(
        [image.python, "-c", listed], capture_output=True, check=True, text=True
    ).stdout.split()
    assert {"rota", "temporalio", "anthropic"} <= set(found)
    assert not {"pip", "pytest", "ruff", "hatchling"} & set(found)


@pytest.mark.timeout(300)
async def test_image_serves_as_nobody(image: Image, stack: Stack) -> None:
    """Its worker gets ready, takes a declaration and a run, and stops when it is told to."""
    fleet, port = image.root / "empty" / "fleet", free_port()
    (fleet / "agents").mkdir(exist_ok=True)
    (fleet / "fleet.yaml").write_text("name: first\n")
    (fleet / "agents" / "hello.yaml").write_text(HELLO)
    environ = {
        "TEMPORAL_ADDRESS": stack.address,
        "ROTA_TASK_QUEUE": stack.task_queue,
        "ROTA_HEALTH": f"127.0.0.1:{port}",
        "ROTA_METRICS": f"127.0.0.1:{free_port()}",
    }
    worker = image.start("worker", "--log-format", "json", environ=environ)
    try:
        async with httpx2.AsyncClient() as asking:

            async def ready() -> bool | None:
                assert worker.poll() is None, worker.communicate()[0]
                try:
                    answer = await asking.get(f"http://127.0.0.1:{port}/readyz")
                except httpx2.TransportError:  # it does not listen yet
                    return None
                return True if answer.status_code == 200 else None

            await poll(ready, 60)
        for command in (("apply",), ("run", "hello")):
            process = image.start(*command, environ=environ)
            said, _ = await asyncio.to_thread(process.communicate, timeout=60)
            assert process.returncode == 0, said
    finally:
        worker.terminate()
        said, _ = await asyncio.to_thread(worker.communicate, timeout=60)
    assert worker.returncode == 0, said
