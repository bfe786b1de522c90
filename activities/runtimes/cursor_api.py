"""The requests of Cursor's cloud agents API that a run needs, each made once and classified.

Source: Cursor, Cloud Agents API v1 (public beta): agents that last, and a run for each prompt.
"""

import base64
from typing import Any, cast

from activities.providers.http_failures import classify_response, error_text
from activities.providers.json_calls import Call, JsonCalls, Peer, Reply
from activities.providers.json_fields import optional_field
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.cursor import CursorSettings

VENDOR = "Cursor"

REQUEST_SECONDS = 60.0
"""Longest time for one request. None of them waits for the agent's work."""
MAX_BYTES = 20_000_000

_CURES = {
    FailureCategory.AUTH: "check the key behind runtime.api_key, and what its account may use",
    FailureCategory.QUOTA: "raise the spend limit in Cursor's dashboard",
    FailureCategory.INVALID_REQUEST: "check runtime.repos, runtime.model and Cursor's integrations",
}

Json = dict[str, Any]


class CursorApi:
    """One account. Every method raises `StepError`, classified.

    Args:
        calls: Where requests are sent.
        settings: Of the runtime.
        key: The account's key.
    """

    def __init__(self, calls: JsonCalls, settings: CursorSettings, key: str) -> None:
        basic = base64.b64encode(f"{key}:".encode()).decode()
        self._calls = calls
        self._base_url = settings.base_url.rstrip("/")
        self._headers = {"Authorization": f"Basic {basic}"}
        self._peer = Peer(VENDOR, _CURES, (key, basic))

    async def me(self) -> Json:
        """Tell whose key it is."""
        return self._document(await self._send("GET", "/v1/me"))

    async def create(self, body: Json, key: str) -> Json | None:
        """Begin an agent; None if one with its id was begun before."""
        reply = await self._send("POST", "/v1/agents", body, key)
        if _code(reply) == "agent_id_conflict":
            return None
        return self._document(reply)

    async def agent(self, agent: str) -> Json:
        """Read an agent."""
        return self._document(await self._send("GET", f"/v1/agents/{agent}"), agent)

    async def prompt(self, agent: str, body: Json, key: str) -> Json:
        """Give an agent that has finished another prompt."""
        reply = await self._send("POST", f"/v1/agents/{agent}/runs", body, key)
        return self._document(reply, agent)

    async def run(self, agent: str, run: str) -> Json:
        """Read a run."""
        return self._document(await self._send("GET", f"/v1/agents/{agent}/runs/{run}"), agent)

    async def cancel(self, agent: str, run: str) -> None:
        """Ask a run to stop; one that has ended is left as it is."""
        reply = await self._send("POST", f"/v1/agents/{agent}/runs/{run}/cancel")
        if _code(reply) != "run_not_cancellable":
            self._document(reply, agent)

    async def usage(self, agent: str) -> Json:
        """Read what an agent has used, run by run."""
        return self._document(await self._send("GET", f"/v1/agents/{agent}/usage"), agent)

    async def _send(self, method: str, path: str, body: Any = None, key: str = "") -> Reply:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        url = f"{self._base_url}{path}"
        call = Call(method, url, headers, REQUEST_SECONDS, MAX_BYTES, body)
        return await self._calls.send(call, self._peer)

    def _document(self, reply: Reply, agent: str = "") -> Json:
        if reply.status == 404 and agent:
            raise gone(agent, "the API does not know it (any more)")
        if not reply.is_success:
            raise classify_response(
                reply.status,
                reply.headers,
                error_text(reply.body),
                vendor=VENDOR,
                cure=self._peer.cure,
                secrets=self._peer.secrets,
            )
        if not isinstance(reply.document, dict):
            raise StepError(
                FailureCategory.TRANSIENT,
                f"{VENDOR} answered {reply.status} without a JSON object; check runtime.base_url "
                "and what is between",
                maybe_billed=True,
            )
        return cast("Json", reply.document)


def gone(agent: str, why: str) -> StepError:
    """An agent whose end nobody will see."""
    return StepError(
        FailureCategory.OUTCOME_UNKNOWN,
        f"the agent {agent} of {VENDOR} is gone: {why}; look at its branches before the work "
        "is repeated",
        maybe_billed=True,
    )


def _code(reply: Reply) -> str:
    """What a conflict is about; empty for any other answer, or if it does not say."""
    if reply.status != 409:
        return ""
    return optional_field(reply.document, "error.code", str, VENDOR) or ""
