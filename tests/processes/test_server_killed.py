"""`kill -9` of the Temporal server: after its restart on the same file runs go on."""

import asyncio
from pathlib import Path

from rota.runs import RunStatus
from rota.tools import tool
from tests.fakes.anthropic_answers import Answer, text
from tests.fakes.anthropic_server import AnthropicFake
from tests.processes.worker_process import kill
from tests.stack import open_stack
from tests.workflows.claude import claude
from workers.devserver import dev_server, free_port


async def test_server_killed_during_a_turn_the_run_completes_and_repeats_nothing(
    tmp_path: Path,
) -> None:
    """What was finished stays finished: one effect, two paid turns, one answer."""
    effects: list[str] = []

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Post."""
        effects.append("posted")
        return "posted"

    database, port = tmp_path / "temporal.db", free_port()
    async with AnthropicFake() as fake:
        fake.call_tool("books__post", {})
        # Long enough for the server to die and come back while the model thinks.
        fake.add(Answer((text("Done."),), first_byte_after=2.0))
        async with dev_server(database=database, port=port) as first:
            stack = await open_stack(first.address, tmp_path)
            name = stack.name("thinker")
            async with stack.worker([post]):
                await stack.declare(name, runtime=claude(stack, fake), tools=["books.post"])
                handle = await stack.start(name, f"{name}-1")
                await fake.requests_arrived(2)
                await asyncio.to_thread(kill, first.process)
                async with dev_server(database=database, port=port):
                    result = await handle.result()
                    (entry,) = (await stack.keeper(name)).ledger.values()
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Done.")
    assert (result.turns, result.tool_calls, result.usage.unknown_attempts) == (2, 1, 0)
    assert effects == ["posted"]
    assert fake.billed == len(fake.requests) == 2
    assert entry.status is RunStatus.SUCCEEDED
