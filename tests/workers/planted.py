"""A fleet of which every part shows the secret it was given, each in a way of its own.

Nine secrets, so that no part's is known to the process because another asked for it. Each has a
core that no encoding of the ordinary kinds changes, and signs around it that JSON, URLs and
shells write otherwise.
"""

import base64
import json
import sys

from rota.ids import notifier_id
from rota.notices.facts import channels_of
from rota.notices.spec import NotifySpec
from tests.fakes.anthropic_server import AnthropicFake
from tests.fakes.hook_receiver import HookReceiver
from tests.house.repository import ROOT
from tests.stack import Stack

PLACES = (
    "tool_result",
    "tool_error",
    "tool_log",
    "tool_url",
    "mcp_answer",
    "program_output",
    "program_error",
    "provider_error",
    "channel_error",
)
"""What is careless."""

TOOLS = '''
"""Tools that are careless with what they know."""

import base64
import json
import logging
import urllib.parse

from rota.tools import ToolContext, ToolError, tool


@tool(name="vault.echo")
def echo(context: ToolContext) -> dict[str, str]:
    """Give the secret back: plain, within JSON that is told as text, and as a header."""
    value = context.secrets("env:PLANTED_TOOL_RESULT")
    context.heartbeat(f"using {value}")
    header = base64.b64encode(f"user:{value}".encode()).decode()
    return {"plain": value, "told": json.dumps({"token": value}), "header": f"Basic {header}"}


@tool(name="vault.crash")
def crash(context: ToolContext) -> str:
    """Break, with the secret in the exception and in its cause."""
    value = context.secrets("env:PLANTED_TOOL_ERROR")
    try:
        raise KeyError(value)
    except KeyError as error:
        raise RuntimeError(f"bad token {value!r}") from error


@tool(name="vault.library")
def library(context: ToolContext) -> str:
    """Use a library that logs what it is given, at length."""
    value = context.secrets("env:PLANTED_TOOL_LOG")
    context.log.warning("got %s", value)
    log = logging.getLogger("careless.library")
    log.warning("%s%s", "x" * 900, f" token={value}" * 9)
    log.debug("headers: %r", {"authorization": f"Bearer {value}"})
    try:
        raise ValueError(value)
    except ValueError:
        log.exception("it failed")
    return "logged"


@tool(name="vault.fetch")
def fetch(context: ToolContext) -> str:
    """Fail as HTTP libraries do: with the whole URL, its query quoted."""
    value = context.secrets("env:PLANTED_TOOL_URL")
    raise ToolError(
        "401 for https://api.example/a?key=" + urllib.parse.quote(value, safe="")
        + " and https://api.example/b?" + urllib.parse.urlencode({"key": value})
    )
'''

PROGRAM = """
import json, os, sys
value = os.environ["TOKEN"]
print("warning: using", value, file=sys.stderr, flush=True)
if sys.argv[1] == "fails":
    # So much that only its end is told, which begins within the secret.
    print((value + " ") * 40, file=sys.stderr, flush=True)
    sys.exit(3)
print(json.dumps({"used": value, "as": json.dumps([value])}))
"""


class Planted:
    """The secrets, and the fleet that they are planted in."""

    def __init__(self, stack: Stack, model: AnthropicFake, hook: HookReceiver) -> None:
        self.secrets = {place: secret(number) for number, place in enumerate(PLACES)}
        # One that is a whole address.
        self.secrets["channel_error"] = f"{hook.url}/{_core(PLACES.index('channel_error'))}"
        self.names = [stack.name(each) for each in ("careless", "program", "broken", "asker")]
        self._stack, self._model = stack, model
        model.fail(400, "invalid_request_error", message=f"no, {self.secrets['provider_error']}")
        hook.status = 404
        # As most servers do: not the whole address, but all of it that is secret.
        path = self.secrets["channel_error"].split("/", 3)[3]
        hook.text = f"Cannot POST /{path}"

    @property
    def channel(self) -> str:
        """Id of the notifier of the one channel."""
        spec = NotifySpec.model_validate({"slack": _at("channel_error")})
        (found,) = channels_of(spec, self._stack.task_queue)
        return notifier_id(found.digest)

    @property
    def environment(self) -> dict[str, str]:
        """What the worker, and nobody else, has in its environment."""
        return {f"PLANTED_{place.upper()}": value for place, value in self.secrets.items()}

    def write(self) -> None:
        """Write the fleet's files; what `fleet.yaml` says of keys stays."""
        folder = self._stack.folder
        (folder / "agents").mkdir(exist_ok=True)
        (folder / "tools.py").write_text(TOOLS)
        (folder / "program.py").write_text(PROGRAM)
        program = [sys.executable, "-m", "tests.fakes.mcp_warehouse", str(folder / "calls.jsonl")]
        server = {
            "command": program,
            "env": {"PYTHONPATH": str(ROOT), "TOKEN": _at("mcp_answer")},
        }
        mcp = json.dumps({"warehouse": server})
        with (folder / "fleet.yaml").open("a") as file:
            file.write(f"name: {self._stack.name('planted')}\nmcp: {mcp}\n")
        for name, declaration in zip(self.names, self._declarations(), strict=True):
            document = {
                "kind": "Agent",
                "name": name,
                "retry": {"attempts": 2, "backoff": "10ms"},
                **declaration,
            }
            (folder / "agents" / f"{name}.yaml").write_text(json.dumps(document))

    def _declarations(self) -> list[dict[str, object]]:
        tools = ["vault.echo", "vault.crash", "vault.library", "vault.fetch"]
        tools.append("mcp:warehouse/environment")
        noted = {"last": "{results.vault_echo}"}
        turns = [
            {"calls": [{"tool": tool, "args": {}} for tool in tools]},
            {"calls": [{"tool": "memory.update", "args": {"patch": noted}}]},
            {"result": "{results}"},
        ]
        program = {"kind": "command", "output": "json", "env": {"TOKEN": _at("program_output")}}
        broken = {"kind": "command", "env": {"TOKEN": _at("program_error")}}
        asks = {"kind": "anthropic", "model": "claude-haiku-4-5", "base_url": self._model.url}
        command = [sys.executable, str(self._stack.folder / "program.py")]
        return [
            {"runtime": {"kind": "scripted", "turns": turns}, "tools": [*tools, "memory.update"]},
            {"runtime": {**program, "command": [*command, "works"]}},
            {"runtime": {**broken, "command": [*command, "fails"]}},
            {
                "runtime": {**asks, "api_key": _at("provider_error")},
                "notify": [{"slack": _at("channel_error")}],
            },
        ]


def _at(place: str) -> str:
    return f"env:PLANTED_{place.upper()}"


def _halves(number: int) -> tuple[str, str]:
    return f"zq{number}x7k2m9w", f"4j1h8{number}vqtn"


def _core(number: int) -> str:
    return "".join(_halves(number))


def found_in(data: bytes) -> list[str]:
    """The places of which a secret, or half of it, is in `data`, as it is or in Base64."""
    return [
        place for number, place in enumerate(PLACES) if any(form in data for form in FORMS[number])
    ]


def secret(number: int) -> str:
    """The secret of a place, by its number."""
    return f'p"{number}/+& {_core(number)}\\=%'


def _forms(number: int) -> list[bytes]:
    """Both halves as they are, and what Base64 makes of the core wherever in a text it stands."""
    core = _core(number).encode()
    coded = [base64.b64encode(b"\0" * shift + core + b"\0" * 3) for shift in range(3)]
    # Without what depends on the neighbours.
    return [*(half.encode() for half in _halves(number)), *(each[4:-8] for each in coded)]


FORMS = [_forms(number) for number in range(len(PLACES))]
