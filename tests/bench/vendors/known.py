"""The runtimes that are measured: each with its fake, and its loop by hand."""

from dataclasses import dataclass

from rota.runtimes.kind import Shape
from tests.bench.vendors import agents, models
from tests.bench.vendors.by_hand import ByHand
from tests.contract.agentcore_bench import AgentCoreBench
from tests.contract.anthropic_bench import AnthropicBench
from tests.contract.bedrock_agent_bench import BedrockAgentBench
from tests.contract.bedrock_bench import BedrockBench
from tests.contract.bench import RuntimeBench
from tests.contract.claude_managed_bench import ClaudeManagedBench
from tests.contract.command_bench import CommandBench
from tests.contract.cursor_bench import CursorBench
from tests.contract.http_bench import HttpBench, HttpSyncBench
from tests.contract.n8n_bench import N8nBench
from tests.contract.openai_bench import OpenAIBench


@dataclass(frozen=True)
class Vendor:
    """A runtime, the fake it works with, and the same work by hand."""

    name: str
    bench: type[RuntimeBench]
    by_hand: ByHand
    at_most: float
    """Target: time of the runtime by itself, in terms of the loop by hand."""

    @property
    def is_session(self) -> bool:
        """It works by itself, and is watched."""
        return self.bench.kind.shape is Shape.SESSION


TURN = 1.5
"""For one call that is the same call on both sides. What a runtime adds is the check of its
settings, of the request and of every part of the answer: never more than half of what the
SDK itself takes, and nothing beside a real model's seconds."""
THREAD = 2.0
"""For boto3, which blocks: each call has a thread of its own, and the worker's other work goes
on. The loop by hand has nothing else to do and needs none."""
DECLARED = 2.0
"""For requests that are declared: addresses, headers, secrets and bodies are filled anew for
each, and answers read within bounds. By hand, all of it is half a millisecond."""
ASKS_AGAIN = 2.0
"""For those that ask more often than a loop does that believes what it is told first: whether
agents that were called still work, and once more for the answer, so that watching and reading
can be two steps on two workers."""
KEPT = 2.5
"""For a program, which gets a keeper: a second, small Python process to be started, and a
sweep at the end for what it left behind."""

VENDORS = (
    Vendor("anthropic", AnthropicBench, models.anthropic, TURN),
    Vendor("openai", OpenAIBench, models.openai, TURN),
    Vendor("bedrock", BedrockBench, models.bedrock, THREAD),
    Vendor("claude-managed", ClaudeManagedBench, agents.claude_managed, ASKS_AGAIN),
    Vendor("agentcore", AgentCoreBench, agents.agentcore, THREAD),
    Vendor("bedrock-agent", BedrockAgentBench, agents.bedrock_agent, THREAD),
    Vendor("cursor", CursorBench, agents.cursor, ASKS_AGAIN),
    Vendor("n8n", N8nBench, agents.n8n, ASKS_AGAIN),
    Vendor("http poll", HttpBench, agents.http_poll, DECLARED),
    Vendor("http sync", HttpSyncBench, agents.http_sync, DECLARED),
    Vendor("command", CommandBench, agents.command, KEPT),
)
