"""What a fleet declares becomes doors, or the gateway says what is wrong and does not start."""

from pathlib import Path
from typing import Any

import pytest

from rota.fleet_file import FleetFile
from rota.hooks.spec import Scheme
from schedules.fleet import Fleet
from tests.deliveries import RAW, SECRETS
from tests.fleets import declared, pipeline
from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode
from workers.gateway.doors import DoorError, Doors, doors_of

NODES = {"only": {"agent": "triage"}}


def opened(hook: dict[str, Any], **gateway: Any) -> Doors:
    """The doors of a fleet whose agent and pipeline have this hook."""
    agents = {"triage": declared("triage", hook=hook), "quiet": declared("quiet")}
    pipelines = {"morning": pipeline("morning", nodes=NODES, hook=hook)}
    file = FleetFile.model_validate({"name": "office", "gateway": gateway})
    return doors_of(Fleet("office", Path(), agents, pipelines, file))


@pytest.mark.parametrize("scheme", Scheme)
def test_doors_are_those_declared(scheme: Scheme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of agents, pipelines and events, with the keys behind the references."""
    monkeypatch.setenv("ONE", SECRETS[scheme])
    hook = {"scheme": scheme, "secrets": ["env:ONE"]}
    doors = opened(hook, events={"orders.created": hook})
    assert {name: door.kind for name, door in doors.hooks.items()} == {
        "triage": "Agent",
        "morning": "Pipeline",
    }
    assert list(doors.topics) == ["orders.created"]
    assert {door.keys for door in (*doors.hooks.values(), *doors.topics.values())} == {(RAW,)}
    assert RAW.decode() not in repr(doors)


@pytest.mark.parametrize(
    ("scheme", "value", "told"),
    [
        ("github", None, r"agents/triage.yaml: hook.secrets\[1\]: .* no TWO"),
        ("github", "tiny-7", r"hook.secrets\[1\]: env:TWO is shorter than 16 characters"),
        ("slack", "tiny-7", r"hook.secrets\[1\]: env:TWO is shorter than 16 characters"),
        ("standard", "no base64, but long enough", r"hook.secrets\[1\]: env:TWO is no secret"),
        ("standard", "c2hvcnQ=", r"hook.secrets\[1\]: env:TWO is no secret"),
    ],
)
def test_secret_that_is_none_is_told_and_not_shown(
    scheme: str, value: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its file and key: nobody could be known by it, or anybody."""
    monkeypatch.setenv("ONE", SECRETS[Scheme(scheme)])
    if value is not None:
        monkeypatch.setenv("TWO", value)
    with pytest.raises(DoorError, match=told) as caught:
        opened({"scheme": scheme, "secrets": ["env:ONE", "env:TWO"]})
    assert value is None or value not in str(caught.value)


@pytest.mark.parametrize(
    ("fleet_file", "arguments", "told"),
    [
        (
            "gateway: {events: {orders.created: {secrets: ['env:NO_SUCH_SECRET']}}}",
            [],
            "fleet.yaml: gateway.events.orders.created.secrets[0]: ",
        ),
        (
            "gateway: {decode: {readers: {ops: 'env:NO_SUCH_SECRET'}}}",
            [],
            "gateway.decode.readers.ops of fleet.yaml: ",
        ),
        (
            "gateway: {token: 'env:A_TOKEN', decode: {}}",
            ["--listen", "0.0.0.0:0"],
            "anybody could have payloads decrypted",
        ),
        (
            "gateway: {decode: {origins: ['https://temporal.example.com/']}}",
            [],
            "gateway.decode.origins[0]: ",
        ),
        ("gateway: {decode: {origins: ['*']}}", [], "gateway.decode.origins[0]: "),
    ],
)
async def test_gateway_with_a_door_that_cannot_work_does_not_start(
    tmp_path: Path,
    fleet_file: str,
    arguments: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one line with exit code 2, before it asks a server anything."""
    monkeypatch.setenv("A_TOKEN", "a-long-random-token")
    (tmp_path / "fleet.yaml").write_text(f"name: office\n{fleet_file}\n")
    ended = await rota("gateway", "--fleet", str(tmp_path), *arguments)
    assert (ended.code, len(ended.err.strip().splitlines())) == (ExitCode.WRONG, 1), ended.err
    assert told in ended.err
