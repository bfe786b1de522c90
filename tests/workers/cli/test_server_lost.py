"""A server that stops in the middle of a command."""

from pathlib import Path

from tests.workers.cli.command_line import end_of, start
from workers.cli.exit_codes import ExitCode
from workers.connection import connect
from workers.devserver import dev_server
from workers.settings import Settings


async def test_server_stopped_in_the_middle_of_a_command_ends_it_with_3(tmp_path: Path) -> None:
    """The command notices within 15 s that nobody answers any more, and says so."""
    async with dev_server() as server:
        client = await connect(Settings.read(tmp_path, address=server.address), None)
        await client.start_workflow("AgentRun", {"agent": "x"}, id="x-1", task_queue="nobody")
        watching = start("watch", "x-1", "--address", server.address, "--store", str(tmp_path))
        assert watching.stdout is not None
        assert "started" in watching.stdout.readline()
        server.process.kill()
        ended = await end_of(watching, 15)
    assert ended.code == ExitCode.NO_SERVER
    assert "stopped answering" in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err
