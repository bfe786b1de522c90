"""A runtime in a package of its own: declared, validated and run like those that come along."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rota.agent_spec import AgentSpec
from rota.runs import RunStatus
from tests.processes.worker_process import ROOT, worker_process
from tests.stack import Stack

KIND = '''
from typing import Literal

from rota.runtimes.kind import Capabilities, RuntimeKind, Shape
from rota.runtime_specs.base import SessionSettings


class AcmeSettings(SessionSettings):
    """`kind: acme`."""

    kind: Literal["acme"] = "acme"
    greeting: str


KIND = RuntimeKind(
    kind="acme",
    shape=Shape.SESSION,
    summary="greets",
    settings=AcmeSettings,
    capabilities=Capabilities(idempotent_start=True, reattach=True),
    implementation="acme_rota.runtime:AcmeRuntime",
)
'''
RUNTIME = """
from rota.conversation import Message, StopReason, Text
from rota.runtimes.session import Collected, Observation, ProviderSession, SessionState, Stopped


def said(text):
    return Message(role="assistant", content=(Text(text=text),))


class AcmeRuntime:
    def __init__(self, secrets):
        self._secrets = secrets

    async def submit(self, request):
        return ProviderSession(kind="acme", id=request.key[:12])

    async def find(self, request):
        return None

    async def observe(self, session, request, cursor, report):
        return Observation(state=SessionState.ENDED, message=said(""))

    async def answer(self, session, request, told, again):
        return session

    async def collect(self, session, request, cursor):
        text = f"{request.settings['greeting']}, {request.context['input']['whom']}"
        return Collected(message=said(text), stop=StopReason.END_TURN)

    async def cancel(self, session, settings):
        return Stopped(confirmed=True, text="it has ended")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package as pip leaves it, on the path of every process that the test starts."""
    site = tmp_path / "site"
    package, info = site / "acme_rota", site / "acme_rota-1.0.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text(KIND)
    (package / "runtime.py").write_text(RUNTIME)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rota\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rota.runtimes]\nacme = acme_rota:KIND\n")
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(site), before))))
    return site


def rota(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "workers", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def fleet(folder: Path, runtime: str) -> Path:
    """A fleet with one agent on that runtime."""
    (folder / "agents").mkdir(parents=True, exist_ok=True)
    (folder / "agents" / "greeter.yaml").write_text(f"name: greeter\nruntime: {runtime}\n")
    return folder


def test_out_of_tree_runtime_is_validated_by_its_own_model(installed: Path) -> None:
    """A wrong key is named with its file, line and key; a right declaration passes."""
    folder = installed.parent / "fleet"
    wrong = rota("validate", "--fleet", str(fleet(folder, "{kind: acme, greetings: Hello}")))
    assert wrong.returncode != 0
    told = wrong.stdout + wrong.stderr
    assert "greeter.yaml:2" in told
    assert "runtime.greetings" in told
    assert "runtime.greeting" in told
    right = rota("validate", "--fleet", str(fleet(folder, "{kind: acme, greeting: Hello}")))
    assert right.returncode == 0, right.stdout + right.stderr
    assert "acme" in rota("runtimes").stdout


async def test_out_of_tree_runtime_runs_an_agent(installed: Path, stack: Stack) -> None:
    """The worker finds it by its entry point; what nobody tells the price of is unpriced."""
    runtime: dict[str, Any] = {"kind": "acme", "greeting": "Hello"}
    name = stack.name("greeter")
    async with worker_process(stack, fresh=True):
        spec = await stack.declare(name, runtime=runtime, input={"whom": "world"})
        result = await stack.run(name, f"{name}-1")
    assert isinstance(spec, AgentSpec)
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Hello, world")
    assert result.runtime == "acme"
    assert result.usage.cost_micros is None
