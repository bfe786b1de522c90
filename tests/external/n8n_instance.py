"""A real n8n: its own process and database, an owner, an API key, workflows made by its API.

Source: n8n 2.41, public API v1; owner and key are made the way its pages do it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2

from tests.external.software import N8N, node_program, served
from workers.devserver import free_port

START_SECONDS = 240.0
"""It sets up its database first."""
_REGISTER_SECONDS = 30.0
_SCOPES = ["workflow:create", "workflow:activate", "execution:list", "execution:read",
           "execution:stop"]  # fmt: skip
_PERSON = {
    "email": "owner@example.com",
    "firstName": "Test",
    "lastName": "Owner",
    "password": "Only-0n-Loopback",
}
_QUIET = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_RUNNERS_ENABLED": "false",
    "N8N_SECURE_COOKIE": "false",
    "NO_COLOR": "1",
}


class N8n:
    """The running instance."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx2.Client(base_url=url, timeout=30)
        self._http.post("/rest/owner/setup", json=_PERSON).raise_for_status()
        wish = {"label": "rota", "expiresAt": None, "scopes": _SCOPES}
        made = self._http.post("/rest/api-keys", json=wish).raise_for_status().json()
        self.key: str = made["data"]["rawApiKey"]
        self._api = {"X-N8N-API-KEY": self.key}

    def workflow(self, path: str, *nodes: dict[str, Any]) -> str:
        """Make and activate a workflow of nodes in a row; returns its id.

        Its webhook takes POST at `path`, and is registered when this returns.
        """
        names = [node["name"] for node in nodes]
        wires = {
            name: {"main": [[{"node": following, "type": "main", "index": 0}]]}
            for name, following in pairwise(names)
        }
        body = {"name": path, "nodes": list(nodes), "connections": wires, "settings": {}}
        made = self._http.post("/api/v1/workflows", headers=self._api, json=body)
        id = str(made.raise_for_status().json()["id"])
        self._http.post(f"/api/v1/workflows/{id}/activate", headers=self._api).raise_for_status()
        self._await_webhook(path)
        return id

    def call(self, path: str, key: str) -> Any:
        """Call a webhook the way Rota does; returns what it answers."""
        body = {"rota_key": key, "input": {"account": "A"}}
        answer = self._http.post(f"/webhook/{path}", json=body, headers={"X-Rota-Key": key})
        return answer.raise_for_status().json()

    def resume(self, execution: str) -> None:
        """Do what a person does who follows the link of a Wait node."""
        data = self.execution(execution)["data"]["resultData"]["runData"]
        link = data["Link"][0]["data"]["main"][0][0]["json"]["link"]
        self._http.get(link).raise_for_status()

    def execution(self, id: str) -> dict[str, Any]:
        """An execution with its data."""
        path = f"/api/v1/executions/{id}?includeData=true"
        return self._http.get(path, headers=self._api).raise_for_status().json()

    def statuses(self, workflow: str) -> list[str]:
        """How the executions of a workflow stand that go on, or else have ended."""
        found: list[str] = []
        for status in ("&status=running", "&status=waiting", ""):
            path = f"/api/v1/executions?workflowId={workflow}{status}"
            listed = self._http.get(path, headers=self._api).raise_for_status().json()["data"]
            found = found or [execution["status"] for execution in listed]
        return found

    async def until(self, came: Callable[[], bool]) -> None:
        """Wait for something that is seen in it."""
        async with asyncio.timeout(60):
            while True:
                if came():
                    return
                await asyncio.sleep(0.1)

    def close(self) -> None:
        """Close the way to it."""
        self._http.close()

    def _await_webhook(self, path: str) -> None:
        # It is registered a moment after the workflow is active. Of a registered one a GET is
        # answered with advice, and starts nothing.
        until = time.monotonic() + _REGISTER_SECONDS
        while "did you mean to make a post" not in self._http.get(f"/webhook/{path}").text.lower():
            if time.monotonic() > until:
                raise TimeoutError(f"n8n: webhook {path} is not registered")
            time.sleep(0.1)


def webhook(path: str, mode: str = "responseNode") -> dict[str, Any]:
    """The node that starts a workflow."""
    parameters = {"httpMethod": "POST", "path": path, "responseMode": mode, "options": {}}
    return {**node("Webhook", "webhook", 2, **parameters), "webhookId": path}


def respond(body: str = '={"executionId": "{{ $execution.id }}"}') -> dict[str, Any]:
    """The node that answers at once, as Rota's page of n8n has it."""
    parameters = {"respondWith": "json", "responseBody": body, "options": {}}
    return node("Respond", "respondToWebhook", 1.1, **parameters)


def result(text: str, name: str = "Result", **more: str) -> dict[str, Any]:
    """A node that puts out an object; texts may hold expressions."""
    fields = ", ".join(f'"{key}": "{value}"' for key, value in {"text": text, **more}.items())
    used = '"tokenUsage": {"promptTokens": 7, "completionTokens": 3}'
    output = f"={{{fields}, {used}}}"
    return node(name, "set", 3.4, mode="raw", jsonOutput=output, options={})


def node(name: str, kind: str, version: float, **parameters: Any) -> dict[str, Any]:
    """A node of n8n's own."""
    return {
        "id": name,
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": [0, 0],
        "parameters": parameters,
    }


@contextmanager
def n8n_instance(folder: Path) -> Iterator[N8n]:
    """Serve n8n on a free port; database and words go to `folder`."""
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    env = {
        **_QUIET,
        "N8N_USER_FOLDER": str(folder),
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_HOST": "127.0.0.1",
        "N8N_PORT": port,
    }
    command = [*node_program("n8n", "bin/n8n", N8N), "start"]
    ready = f"{url}/healthz/readiness"
    with served(command, env, folder / "n8n.log", ready, within=START_SECONDS):
        made = N8n(url)
        try:
            yield made
        finally:
            made.close()
