"""`rota doctor`: what is checked, what is mended; and the worker that asks for it."""

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest

from tests.stack import Stack
from tests.workers.cli.command_line import Ended, end_of, rota, start
from tests.workers.cli.conftest import FleetOnServer
from workers.cli.exit_codes import ExitCode
from workers.devserver import free_port


def states(ended: Ended) -> dict[str, bool]:
    """Check -> well or not."""
    checks: list[dict[str, Any]] = ended.json
    return {check["name"]: check["ok"] for check in checks}


async def new_namespace(stack: Stack) -> str:
    """A namespace as an administrator leaves it: short retention, no search attributes."""
    name, day = stack.name("namespace"), Duration()
    day.FromTimedelta(timedelta(days=1))
    await stack.client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=day)
    )
    return name


async def test_doctor_of_a_served_fleet_finds_nothing_wrong(served: FleetOnServer) -> None:
    """All checks are green where everything runs."""
    ended = await served.rota("doctor", "--json")
    assert ended.code == ExitCode.OK, ended.out
    assert states(ended) == dict.fromkeys(
        (
            "server",
            "retention",
            "search attributes",
            "worker",
            "keepers",
            "store",
            "drift",
            "fleet",
        ),
        True,
    )


async def test_doctor_without_worker_and_key_says_what_to_do(written: FleetOnServer) -> None:
    """A missing worker, an unapplied fleet and a missing key are each named with a cure."""
    text = written.file.read_text()
    runtime = text[text.index("runtime:") : text.index("# With ANTHROPIC")]
    key = "env:ROTA_TEST_NO_SUCH_KEY"
    written.change(runtime, f"runtime: {{kind: anthropic, model: m, api_key: '{key}'}}\n")
    ended = await written.rota("doctor", "--json")
    assert ended.code == ExitCode.FAILED
    wrong = {name for name, ok in states(ended).items() if not ok}
    assert wrong == {"worker", "keepers", "drift", f"runtime anthropic of {written.agent}"}
    assert all(check["cure"] for check in ended.json if not check["ok"])


async def test_doctor_without_a_server_still_checks_the_files(written: FleetOnServer) -> None:
    """No server ends with 3, after what can be said without one."""
    address = f"127.0.0.1:{free_port()}"
    ended = await rota("doctor", "--json", "--fleet", str(written.folder), "--address", address)
    assert ended.code == ExitCode.NO_SERVER
    assert states(ended) == {"server": False, "fleet": True}


async def test_doctor_fix_makes_a_namespace_ready_for_a_worker(written: FleetOnServer) -> None:
    """A worker refuses a bare namespace and names the cure; the cure works."""
    options = (*written.options, "--namespace", await new_namespace(written.stack))
    refused = await end_of(start("worker", *options))
    assert refused.code == ExitCode.FAILED
    assert "rota doctor --fix" in refused.err
    found = states(await rota("doctor", "--json", *options))
    assert (found["retention"], found["search attributes"]) == (False, False)
    while True:
        # The server applies new attributes a moment after it has accepted them.
        found = states(await rota("doctor", "--fix", "--json", *options))
        if found["search attributes"]:
            break
    assert found["retention"]
    first = await rota("doctor", "--before-workers", "--json", *options)
    assert first.code == ExitCode.OK, "nobody serves yet, and that is well"
    assert set(states(first)) == {"server", "retention", "search attributes", "store"}


async def test_doctor_finds_nothing_wrong_where_only_the_others_secrets_are_missing(
    written: FleetOnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers need none of the gateway's, the gateway none of theirs; each misses its own."""
    for name in ("ROTA_TEST_NO_TOKEN", "ROTA_TEST_NO_KEY"):
        monkeypatch.delenv(name, raising=False)
    options = ("--fleet", str(written.folder), "--address", f"127.0.0.1:{free_port()}")
    fleet_file = written.folder / "fleet.yaml"
    fleet_file.write_text(fleet_file.read_text() + "\ngateway: {token: 'env:ROTA_TEST_NO_TOKEN'}\n")
    assert states(await rota("doctor", "--json", *options))["gateway"]
    at_gateway = await rota("doctor", "--json", "--gateway", *options)
    assert not states(at_gateway)["gateway"]
    text = written.file.read_text()
    runtime = text[text.index("runtime:") : text.index("# With ANTHROPIC")]
    key = "env:ROTA_TEST_NO_KEY"
    written.change(runtime, f"runtime: {{kind: anthropic, model: m, api_key: '{key}'}}\n")
    runtime_name = f"runtime anthropic of {written.agent}"
    assert not states(await rota("doctor", "--json", *options))[runtime_name]
    monkeypatch.setenv("ROTA_TEST_NO_TOKEN", "a-long-random-token")
    at_gateway = states(await rota("doctor", "--json", "--gateway", *options))
    assert at_gateway == {"server": False, "fleet": True, "gateway": True}
