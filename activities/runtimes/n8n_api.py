"""Requests to an n8n instance: its webhook, and the executions of its public API.

Source: n8n 2.41, public API v1 (executions), and the same instance as it answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from activities.providers.json_calls import Call, JsonCalls, Peer, Reply, required
from activities.providers.json_fields import field, optional_field
from activities.providers.keys import read_key
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.n8n import N8nSettings
from rota.tools import SecretReader

VENDOR = "n8n"
KEY_HEADER = "X-Rota-Key"
"""Carries the key into the execution's data, whatever the body is."""
GONE = frozenset({404, 410})

_BY_WEBHOOK = "webhook"
"""The `mode` of an execution that a production webhook started."""
LISTED = ("", "running", "waiting", "new")
"""The lists to look through: the first, without a status, leaves out what goes on."""
PAGE = 20
"""Executions in one list, with their data."""
PAGES = 5
"""Lists of one status to look through, newest first: a lost start is young."""

_CURES = {
    FailureCategory.AUTH: "check runtime.headers",
    FailureCategory.INVALID_REQUEST: "check runtime.webhook",
}
_API_CURES = {
    FailureCategory.AUTH: "check runtime.api_key and its scopes: execution:list, execution:read, "
    "execution:stop",
    FailureCategory.INVALID_REQUEST: "check runtime.base_url",
}


@dataclass(frozen=True)
class N8nApi:
    """One agent's way to its instance.

    Args:
        settings: The agent's block.
        client: Sends requests.
        resolve: Reads secrets.
    """

    settings: N8nSettings
    client: JsonCalls
    resolve: SecretReader

    async def call_webhook(self, body: Any, key: str) -> Any:
        """Call the webhook and return what it answers.

        Raises:
            StepError: classified. `transient` and not billed if it is not registered, which
                passes where the workflow is just being activated; `tool_failed` if the
                workflow ran and failed.
        """
        references = dict(self.settings.secret_references())
        secrets: list[str] = []
        headers = {KEY_HEADER: key}
        for name, value in self.settings.headers.items():
            if f"headers.{name}" in references:
                value = read_key(self.resolve, value, f"runtime.headers.{name}")
                secrets.append(value)
            headers[name] = value
        peer = Peer(f"{VENDOR}'s webhook", _CURES, tuple(secrets))
        reply = await self.client.send(
            self._call("POST", self.settings.webhook, headers, body), peer
        )
        said = reply.body.decode(errors="replace").lower()
        if reply.status == 404 and "not registered" in said:
            raise StepError(
                FailureCategory.TRANSIENT,
                f"{VENDOR}: the webhook is not registered for POST; activate (publish) the "
                "workflow, and check runtime.webhook",
            )
        if reply.status == 500 and "error in workflow" in said:
            raise StepError(
                FailureCategory.TOOL_FAILED,
                f"{VENDOR}: the workflow failed; see its executions in n8n",
                maybe_billed=True,
            )
        return required(reply, peer)

    async def execution(self, id: str, *, data: bool = False) -> dict[str, Any] | None:
        """Return an execution; None if n8n does not know it (any more)."""
        query = {"includeData": "true"} if data else {}
        reply, peer = await self._api("GET", f"/executions/{quote(id, safe='')}", query)
        if reply.status in GONE:
            return None
        found = json_object({"execution": required(reply, peer)}, "execution")
        if data and found.get("dataTooLargeToDisplay") is True:
            query["ignoreDataSizeLimit"] = "true"  # only versions that say so know it
            reply, peer = await self._api("GET", f"/executions/{quote(id, safe='')}", query)
            found = json_object({"execution": required(reply, peer)}, "execution")
        return found

    async def find(self, key: str) -> str | None:
        """Return the id of the newest execution that was started with `key`, None without."""
        for status in LISTED:
            cursor: str | None = ""
            for _ in range(PAGES):
                query = {"includeData": "true", "limit": str(PAGE), "cursor": cursor or ""}
                query |= {"status": status, "workflowId": self.settings.workflow or ""}
                reply, peer = await self._api("GET", "/executions", query)
                page = required(reply, peer)
                executions = json_list(page, "data")
                for execution in executions:
                    if _was_started_with(execution, key):
                        return execution_id(execution)
                cursor = optional_field(page, "nextCursor", str, VENDOR)
                if not cursor or not executions:
                    break
        return None

    async def stop(self, id: str) -> Reply:
        """Ask for an end; what became of it is seen by looking."""
        reply, _ = await self._api("POST", f"/executions/{quote(id, safe='')}/stop", {})
        return reply

    async def listed(self) -> None:
        """List one execution: does the key work?

        Raises:
            StepError: it does not.
        """
        required(*await self._api("GET", "/executions", {"limit": "1"}))

    async def healthy(self) -> None:
        """Ask whether the instance is up.

        Raises:
            StepError: it is not.
        """
        peer = Peer(VENDOR, _API_CURES)
        required(
            await self.client.send(
                self._call("GET", f"{self.settings.instance}/healthz", {}), peer
            ),
            peer,
        )

    async def _api(self, method: str, path: str, query: Mapping[str, str]) -> tuple[Reply, Peer]:
        assert self.settings.api_key is not None
        key = read_key(self.resolve, self.settings.api_key)
        peer = Peer(VENDOR, _API_CURES, (key,))
        asked = urlencode({name: value for name, value in query.items() if value})
        url = f"{self.settings.instance}/api/v1{path}" + (f"?{asked}" if asked else "")
        call = self._call(method, url, {"X-N8N-API-KEY": key})
        return await self.client.send(call, peer), peer

    def _call(self, method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Call:
        seconds = self.settings.timeout.total_seconds()
        return Call(method, url, headers, seconds, self.settings.max_bytes, body)


def json_object(data: Any, path: str) -> dict[str, Any]:
    """Return the object at `path`; see `json_fields.field`."""
    return field(data, path, dict, VENDOR)


def json_list(data: Any, path: str) -> list[Any]:
    """Return the list at `path`; see `json_fields.field`."""
    return field(data, path, list, VENDOR)


def execution_id(execution: Any) -> str:
    """Return the id of an execution, which is a number in some versions and text in others."""
    found = json_object({"execution": execution}, "execution").get("id")
    return str(found) if isinstance(found, int) else field(execution, "id", str, VENDOR)


def _was_started_with(execution: Any, key: str) -> bool:
    """Whether the webhook started it, with the key in what it was given or in its custom data.

    A workflow that it called, or a retry by hand, may know the key too, and is another.
    """
    mode = optional_field(execution, "mode", str, VENDOR)
    return mode in (None, _BY_WEBHOOK) and key in str(execution)
