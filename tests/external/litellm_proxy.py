"""The LiteLLM proxy in front of Rota's strict fakes: a gateway that others wrote.

It asks no network: prices and models are those it was installed with, and every model it
serves is canned, or one of the fakes. It neither tries again nor turns to another model, so
what comes back is what Rota has to deal with.

Source: docs.litellm.ai, proxy configuration and mock responses; 1.106.
"""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.external.software import FOLDER, installed, served
from tests.fakes.anthropic_server import AnthropicFake
from tests.fakes.openai_server import OpenAIFake
from workers.devserver import free_port

KEY = "sk-gateway-0f9a7c3e5b21d846"
"""The proxy's own; it refuses to start with a weak one."""
CANNED = "Three boxes."
UPSTREAM_KEY = "upstream-0123456789"


@dataclass(frozen=True)
class Gateway:
    """The running proxy, and the providers behind it."""

    url: str
    """Up to and with the version."""
    anthropic: AnthropicFake
    """Behind the model `claude`."""
    openai: OpenAIFake
    """Behind the model `gpt`."""

    def settings(self, model: str, **more: Any) -> dict[str, Any]:
        """A `runtime` block that asks it for one of its models: `canned`, `claude`, `gpt`."""
        key = "env:ROTA_TEST_GATEWAY_KEY"
        return {"kind": "openai", "model": model, "base_url": self.url, "api_key": key, **more}


@contextmanager
def litellm_proxy(folder: Path) -> Iterator[Gateway]:
    """Serve it on a free port; its words go to `folder`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    anthropic, openai = AnthropicFake(api_key=UPSTREAM_KEY), OpenAIFake(api_key=UPSTREAM_KEY)
    with closing(anthropic.start()), closing(openai.start()):
        config = folder / "litellm.json"
        config.write_text(json.dumps(_config(anthropic.url, openai.url)))
        command = [str(installed(FOLDER / "litellm" / "bin" / "litellm"))]
        command += ["--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY}
        log = folder / "litellm.log"
        with served(command, env, log, f"{url}/health/readiness", within=90):
            yield Gateway(f"{url}/v1", anthropic, openai)


def _config(anthropic: str, openai: str) -> dict[str, Any]:
    behind = {"api_key": UPSTREAM_KEY, "num_retries": 0, "max_retries": 0}
    served_models = {
        "canned": {"model": "openai/gpt-4o-mini", "mock_response": CANNED, **behind},
        "claude": {"model": "anthropic/claude-haiku-4-5", "api_base": anthropic, **behind},
        "gpt": {"model": "openai/gpt-4o-mini", "api_base": openai, **behind},
    }
    return {
        "model_list": [
            {"model_name": name, "litellm_params": params} for name, params in served_models.items()
        ],
        "litellm_settings": {"telemetry": False, "num_retries": 0},
        # A model that failed is asked again, not hidden for a while.
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
