"""A run whose worker keeps everything in S3: a real S3 API on a local port."""

from pathlib import Path
from urllib.parse import quote

from activities.documents import get_memory, get_transcript
from activities.stores.open import open_store
from rota.runs import RunStatus
from tests.stack import open_stack, script
from workers.devserver import DevServer

LONG = "a text that is too long for a history, " * 5000


async def test_run_with_its_store_in_s3_remembers_and_leaves_a_transcript(
    server: DevServer, s3_endpoint: str, bucket: str, tmp_path: Path
) -> None:
    """Nothing but the address differs from a folder: memory, transcript, large answer."""
    address = f"s3://{bucket}/rota?endpoint={quote(s3_endpoint, safe='')}"
    stack = await open_stack(server.address, tmp_path, store=address)
    name = stack.name("keeper")
    turns = script(
        {"calls": [{"tool": "memory.update", "args": {"patch": {"seen": 1}}}]}, {"result": LONG}
    )
    async with stack.worker():
        await stack.declare(name, runtime=turns, tools=["memory.update"])
        result = await stack.run(name, f"{name}-1")
    assert result.status is RunStatus.SUCCEEDED
    assert not (tmp_path / "store").exists()
    elsewhere = open_store(address)
    memory = await get_memory(elsewhere, result.memory)
    assert memory is not None
    assert memory.document == {"seen": 1}
    assert len(await get_transcript(elsewhere, result.transcript)) == 2
    assert LONG.strip() in (await elsewhere.get(result.output_digest or "")).decode()
