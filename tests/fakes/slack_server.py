"""A strict fake of Slack's Web API and of an incoming webhook.

One channel, `C0123ABCD`. As the real one, it tells of most failures with status 200.
"""

from itertools import count
from typing import Any

from tests.fakes.api_server import ApiFake, ApiReply, ApiRequest

CHANNEL = "C0123ABCD"
TOKEN = "slack-test-token"
HOOK = "/services/T000/B000/hook-secret"


class SlackFake(ApiFake):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        """Oldest first."""
        self.hooked: list[str] = []
        """Texts that the webhook took."""
        self._counts = count(1)

    def add_message(self, text: str, **details: Any) -> dict[str, Any]:
        """A message of somebody else, or of another attempt."""
        message = {"type": "message", "ts": f"1763888400.{next(self._counts):06d}", "text": text}
        self.messages.append({**message, **details})
        return self.messages[-1]

    def reply(self, request: ApiRequest) -> ApiReply:
        if request.path == HOOK:
            self.hooked.append(request.body["text"])
            return ApiReply(200, "ok")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refused("invalid_auth")
        if (request.method, request.path) == ("POST", "/auth.test"):
            return ApiReply(200, {"ok": True, "user": "rota", "team": "Acme", "bot_id": "B1"})
        if request.path == "/conversations.history":
            return self._history(request.query)
        if request.path in ("/chat.postMessage", "/chat.delete"):
            if request.method != "POST" or request.body["channel"] != CHANNEL:
                return _refused("channel_not_found")
            return self._post(request.body) if "post" in request.path else self._delete(request)
        return _refused("unknown_method")

    def _history(self, query: dict[str, str]) -> ApiReply:
        if query["channel"] != CHANNEL:
            return _refused("channel_not_found")
        newest = list(reversed(self.messages))
        start, size = int(query.get("cursor", "0")), int(query["limit"])
        shown = newest[start : start + size]
        if query.get("include_all_metadata") != "true":
            shown = [{k: v for k, v in m.items() if k != "metadata"} for m in shown]
        following = str(start + size) if start + size < len(newest) else ""
        paging = {"response_metadata": {"next_cursor": following}}
        return ApiReply(200, {"ok": True, "messages": shown, **paging})

    def _post(self, body: dict[str, Any]) -> ApiReply:
        if not body.get("text"):
            return _refused("no_text")
        if set(body["metadata"]) != {"event_type", "event_payload"}:
            return _refused("invalid_metadata_format")
        message = self.add_message(body["text"], metadata=body["metadata"])
        return ApiReply(200, {"ok": True, "channel": CHANNEL, "ts": message["ts"]})

    def _delete(self, request: ApiRequest) -> ApiReply:
        if request.body["ts"] not in [message["ts"] for message in self.messages]:
            return _refused("message_not_found")
        self.messages = [m for m in self.messages if m["ts"] != request.body["ts"]]
        return ApiReply(200, {"ok": True})


def _refused(problem: str) -> ApiReply:
    return ApiReply(200, {"ok": False, "error": problem})
