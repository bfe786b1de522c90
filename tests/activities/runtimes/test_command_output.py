"""What a program writes is read to its end, and no more of it is held than counts."""

import asyncio
import tracemalloc

from activities.runtimes.command_output import CHUNK, SHOWN, Output
from rota.runtime_specs.command import CommandSettings

MARKER = "progress: "


async def test_line_of_progress_without_end_is_not_held() -> None:
    """Its beginning is shown, the rest is none of the answer, and what follows it is."""
    settings = CommandSettings(command=("count",), progress=MARKER)
    told: list[str] = []
    output, stream = Output(settings, told.append), asyncio.StreamReader()

    async def write() -> None:
        stream.feed_data(MARKER.encode())
        for _ in range(300):
            stream.feed_data(b"x" * CHUNK)
            await asyncio.sleep(0)
        stream.feed_data(b"\nthree boxes\n")
        stream.feed_eof()

    tracemalloc.start()
    try:
        await asyncio.gather(write(), output.read_stdout(stream))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert output.text == "three boxes\n"
    assert "x" * SHOWN in told
    assert peak < 20 * CHUNK
