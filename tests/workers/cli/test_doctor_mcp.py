"""`rota doctor` of a fleet with MCP servers."""

from tests.fakes.mcp_warehouse import Log, WarehouseEndpoint
from tests.workers.cli.conftest import FleetOnServer


async def test_doctor_tells_of_each_mcp_server(written: FleetOnServer) -> None:
    """One that answers and one that does not stand among the other checks."""
    file = written.folder / "fleet.yaml"
    with WarehouseEndpoint(Log(written.folder / "calls")) as warehouse:
        servers = f"\nmcp:\n  up: {{url: {warehouse.url}}}\n  down: {{command: [no-such-one]}}\n"
        file.write_text(file.read_text() + servers)
        ended = await written.rota("doctor", "--json")
    checks = {check["name"]: check for check in ended.json}
    assert checks["mcp server up"]["ok"]
    assert "query" in checks["mcp server up"]["found"]
    assert not checks["mcp server down"]["ok"]
    assert "'no-such-one' cannot be started" in checks["mcp server down"]["found"]
