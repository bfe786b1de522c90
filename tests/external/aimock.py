"""aimock (npm, MIT): providers of models as somebody else understands them.

It serves Anthropic's Messages, OpenAI's chat completions and Bedrock's Converse on one port,
from one script. Known gaps of 1.43: requests are not validated, errors of Bedrock carry no
type, an event stream of Converse that botocore cannot read, no cached tokens.

Source: aimock 1.43, `/__aimock` and its fixtures.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.external.software import node_program, served
from workers.devserver import free_port

_PLACEHOLDER = '{"fixtures": [{"match": {"userMessage": "-"}, "response": {"content": "-"}}]}'
"""It does not start without any."""


class Aimock:
    """The running server, and its script."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._control = httpx2.Client(base_url=f"{url}/__aimock")

    def play(self, *responses: dict[str, Any]) -> None:
        """Answer the next requests with these, in order, whoever asks; forget the past.

        Each is `{"content": text}`, `{"toolCalls": [...]}` or `{"error": {...}, "status": 429}`,
        with further keys as aimock's fixtures have them (`usage`, `retryAfter`); or a whole
        fixture, known by its `response`, for faults on the way.
        """
        self._control.post("/reset").raise_for_status()
        fixtures = [
            {"response": response} if "response" not in response else response
            for response in responses
        ]
        body = {
            "fixtures": [
                {**fixture, "match": {"sequenceIndex": number}}
                for number, fixture in enumerate(fixtures)
            ]
        }
        self._control.post("/fixtures", json=body).raise_for_status()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What it was asked since `play`: `path`, `headers`, and the body in OpenAI's terms."""
        return self._control.get("/journal").raise_for_status().json()

    def close(self) -> None:
        """Close the way to its script."""
        self._control.close()


@contextmanager
def aimock(folder: Path) -> Iterator[Aimock]:
    """Serve aimock on a free port; its words go to `folder`."""
    port = free_port()
    fixtures = folder / "fixtures.json"
    fixtures.write_text(_PLACEHOLDER)
    command = node_program("@copilotkit/aimock", "dist/cli.js")
    command += ["--port", str(port), "--fixtures", str(fixtures), "--strict"]
    url = f"http://127.0.0.1:{port}"
    with served(command, {}, folder / "aimock.log", f"{url}/health", within=30):
        made = Aimock(url)
        try:
            yield made
        finally:
            made.close()
