"""What the doctor asks runtimes: every built-in kind on its fake, and what is wrong with them."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.runtimes.scripted import ScriptedRuntime
from rota.runtime_specs.base import RuntimeSettings
from rota.runtimes.kind import Probe
from tests.contract.bench import RuntimeBench
from tests.contract.benches import BENCHES, name_of
from tests.contract.scripted_bench import ScriptedBench
from tests.fakes.aws_environment import become_known
from tests.fakes.loopback_http import Connection, HttpRequest, LoopbackServer
from workers.checked_fleet import CheckedFleet, check_fleet
from workers.checks import Check
from workers.devserver import free_port
from workers.outside import check_outside

ASKED = [bench for bench in BENCHES if bench is not ScriptedBench]
WRONG_KEYS = {"Anthropic", "OpenAI", "ClaudeManaged", "Cursor", "N8n", "Bedrock", "AgentCore"}
"""Those that tell a wrong key; `http` and a program are not told what for."""
BY_ADDRESS = {
    "Anthropic": "base_url",
    "OpenAI": "base_url",
    "ClaudeManaged": "base_url",
    "Cursor": "base_url",
    "N8n": "base_url",
    "Bedrock": "endpoint_url",
}


@pytest.fixture
async def bench(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[RuntimeBench]:
    """A runtime and its fake, with the credentials it needs in the environment."""
    made: RuntimeBench = request.param()
    async with made:
        become_known(monkeypatch, tmp_path)
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        if "endpoint_url" in made.settings():
            monkeypatch.setenv("AWS_ENDPOINT_URL_STS", made.settings()["endpoint_url"])
        yield made


def named(*names: str) -> pytest.MarkDecorator:
    """Play with the benches of these names."""
    chosen = [bench for bench in ASKED if name_of(bench) in names]
    assert len(chosen) == len(names)
    return pytest.mark.parametrize("bench", chosen, indirect=True, ids=map(name_of, chosen))


def fleet_of(folder: Path, **runtimes: dict[str, Any]) -> CheckedFleet:
    """A fleet with an agent for each runtime."""
    (folder / "agents").mkdir(exist_ok=True)
    for name, runtime in runtimes.items():
        # JSON is YAML.
        document = {"name": name, "runtime": runtime}
        (folder / "agents" / f"{name}.yaml").write_text(json.dumps(document))
    return check_fleet(folder, datetime.now(UTC))


async def looked(folder: Path, runtime: dict[str, Any], **more: Any) -> Check:
    """What is said of one runtime."""
    (check,) = await check_outside(fleet_of(folder, one=runtime), **more)
    assert check.name == f"runtime {runtime['kind']} of one"
    return check


@pytest.mark.parametrize("bench", ASKED, indirect=True, ids=map(name_of, ASKED))
async def test_runtime_that_is_well_is_told_so_and_nothing_is_started(
    bench: RuntimeBench, tmp_path: Path
) -> None:
    """Every built-in kind can be asked, and none spends anything for it."""
    check = await looked(tmp_path, bench.settings())
    assert check.ok, check
    assert check.found
    assert bench.starts == 0


@named(*WRONG_KEYS)
async def test_wrong_key_is_found_and_not_shown(
    bench: RuntimeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a run is, and with a cure."""
    bench.expect_refusals()
    for name in bench.environment:
        if "REGION" not in name and "DISABLED" not in name:
            monkeypatch.setenv(name, "not-the-right-key")
    check = await looked(tmp_path, bench.settings())
    assert not check.ok, check
    assert check.cure
    assert "not-the-right-key" not in check.found + check.cure
    assert bench.starts == 0


@named(*BY_ADDRESS)
async def test_provider_out_of_reach_is_found(bench: RuntimeBench, tmp_path: Path) -> None:
    """Nobody listens there."""
    key = BY_ADDRESS[name_of(type(bench))]
    nowhere = f"http://127.0.0.1:{free_port()}"
    check = await looked(tmp_path, bench.settings(**{key: nowhere}))
    assert not check.ok, check
    assert check.cure


@named("Anthropic", "OpenAI", "Cursor", "N8n", "Http", "Bedrock")
async def test_provider_that_never_answers_is_a_failed_check(
    bench: RuntimeBench, tmp_path: Path
) -> None:
    """It takes the request, and that is all: the doctor does not wait for it."""

    async def silent(request: HttpRequest, connection: Connection) -> None:
        await asyncio.Event().wait()

    server = LoopbackServer(silent)
    server.start()
    try:
        url = f"http://127.0.0.1:{server.port}"
        name = name_of(type(bench))
        more = {"start": {"url": f"{url}/jobs"}} if name == "Http" else {BY_ADDRESS[name]: url}
        limit = timedelta(milliseconds=500)
        check = await looked(tmp_path, bench.settings(**more), limit=limit)
    finally:
        server.close()
    assert (check.ok, check.found) == (False, "no answer within 500ms")


@named("Anthropic", "Command")
async def test_missing_secret_is_found_before_anybody_is_asked(
    bench: RuntimeBench, tmp_path: Path
) -> None:
    """Also of a program, which could be found without it."""
    key = {"api_key": "env:ROTA_NO_SUCH_KEY"}
    more = {"env": {"KEY": "env:ROTA_NO_SUCH_KEY"}} if bench.kind.kind == "command" else key
    check = await looked(tmp_path, bench.settings(**more))
    assert not check.ok
    assert "ROTA_NO_SUCH_KEY" in check.found
    assert check.cure == "set it where the worker runs"


@named("OpenAI")
async def test_runtime_that_several_agents_share_is_asked_once(
    bench: RuntimeBench, tmp_path: Path
) -> None:
    """By its place, whatever it is used for; a fallback is named with its agent."""
    block = bench.settings()
    spare = {**bench.settings(model="spare"), "fallback": [bench.settings(max_output_tokens=99)]}
    fleet = fleet_of(tmp_path, a=block, b={**block, "max_turns": 3}, c=spare)
    names = [check.name for check in await check_outside(fleet)]
    assert names == ["runtime openai of a; b; c, fallback 1", "runtime openai of c"]


async def test_runtime_without_a_probe_says_that_its_secrets_are_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that can be said of one out of tree; without secrets there is nothing to say."""
    monkeypatch.setenv("ROTA_PLAIN_KEY", "a-plain-key")
    block = {"kind": "openai", "model": "m", "api_key": "env:ROTA_PLAIN_KEY"}
    scripted = {"kind": "scripted", "turns": [{"result": "done"}]}
    fleet = fleet_of(tmp_path, plain=block, scripted=scripted)
    (check,) = await check_outside(fleet, makers={"openai": ScriptedRuntime})
    assert (check.name, check.ok) == ("runtime openai of plain", True)
    assert check.found == "env:ROTA_PLAIN_KEY is set; this kind cannot be asked without spending"


class Telling(ScriptedRuntime):
    """One whose probe tells its secret."""

    async def probe(self, settings: RuntimeSettings) -> Probe:
        return Probe(False, "a-plain-key is refused", "replace a-plain-key")


async def test_secret_in_the_words_of_a_probe_is_cut_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of whatever package it is."""
    monkeypatch.setenv("ROTA_PLAIN_KEY", "a-plain-key")
    block = {"kind": "openai", "model": "m", "api_key": "env:ROTA_PLAIN_KEY"}
    check = await looked(tmp_path, block, makers={"openai": Telling})
    assert (check.found, check.cure) == ("[redacted] is refused", "replace [redacted]")
