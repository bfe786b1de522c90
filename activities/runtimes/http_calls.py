"""From a declared request to its answer: templates filled, secrets put in, address judged.

A declared address is asked as it is. One that the service gave, and every redirect, goes
through the guard of `activities.egress`, and takes the declared headers along only to the
service's own origin.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import httpx2

from activities.egress.bodies import AnswerRefusedError
from activities.egress.guard import EgressRefusedError, GuardedClient, joined
from activities.egress.network import PUBLIC, Network
from activities.providers.http_failures import classify_transport
from activities.providers.json_calls import Call, JsonCalls, Peer, Reply, refused
from rota.failures import FailureCategory, StepError
from rota.language.templates import TemplateError, render
from rota.runtime_specs.base import is_reference
from rota.runtime_specs.http import HttpSettings
from rota.runtime_specs.http_requests import Request
from rota.runtimes.session import ProviderSession, SessionRequest
from rota.security.egress import EgressSpec, parse_target
from rota.tools import SecretReader

LONGEST_GUARDED_SECONDS = 600.0
"""The guard's own bound on one answer."""
GREETING_SECONDS = 10.0
"""How long a host may take to show that it is there."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAME = re.compile(r"[\w-]+")
"""A key that a template can name."""


def session_scope(session: ProviderSession) -> dict[str, Any]:
    """What later requests may name."""
    return {"session": {**session.data, "id": session.id}}


def run_scope(request: SessionRequest, callback: str) -> dict[str, Any]:
    """What the start may name."""
    own = {
        "task": request.opening.text,
        "instructions": request.system,
        "key": request.key,
        "callback": callback,
        "run": request.run_id,
    }
    return own | request.context


def whole_task(request: SessionRequest, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a start that declares none."""
    task = {key: value for key, value in scope.items() if key != "callback" or value}
    return {**task, "output_schema": request.output_schema}


@dataclass(frozen=True)
class HttpCalls:
    """Sends the declared requests of one agent.

    Args:
        settings: The agent's block.
        client: Asks declared addresses.
        resolve: Reads secrets.
        network: For tests: other addresses than those of the internet.
    """

    settings: HttpSettings
    client: JsonCalls
    resolve: SecretReader
    network: Network = PUBLIC

    async def send(
        self, where: str, scope: Mapping[str, Any], *, body: Any = None, key: str = ""
    ) -> Reply:
        """Send the request declared under `where` and return its answer, whatever its status.

        Args:
            where: `start`, `status`, `result` or `cancel`.
            scope: What its templates may name.
            body: Sent if the request declares none.
            key: Idempotency key to send along.

        Raises:
            StepError: it cannot be sent (`invalid_request`, `auth`), or there was no answer.
        """
        request = self.settings.requests[where]
        secrets = self._secrets()
        headers = self._headers(where, request, scope, secrets)
        if key:
            headers[self.settings.idempotency_header] = key
        content = body
        if request.body is not None:
            content = _filled(request.body, scope, f"{where}.body")
        call = Call(
            method=request.method,
            url=_url(request, scope, where, self.settings.account),
            headers=headers,
            timeout=self.settings.timeout.total_seconds(),
            max_bytes=self.settings.max_bytes,
            body=None if request.method == "GET" else content,
        )
        peer = self.peer(where, tuple(secrets.values()))
        if request.is_from_answer:
            return await self._guarded(call, peer)
        reply = await self.client.send(call, peer)
        location = reply.headers.get("location")
        if call.method == "GET" and reply.status in _REDIRECTS and location:
            elsewhere = joined(call.url, location)
            return await self._guarded(_moved(call, elsewhere), peer)
        return reply

    async def greet(self) -> Reply:
        """Ask the service's host for nothing, without credentials: does it answer?"""
        origin = self.settings.account
        call = Call("HEAD", f"{origin}/", {}, GREETING_SECONDS, self.settings.max_bytes)
        return await self.client.send(call, Peer(origin))

    def peer(self, where: str, secrets: tuple[str, ...] = ()) -> Peer:
        """Who is asked, for messages."""
        return Peer(
            name=self.settings.account,
            cure={
                FailureCategory.AUTH: "check runtime.headers and runtime.secrets",
                FailureCategory.INVALID_REQUEST: f"check runtime.{where}",
            },
            secrets=secrets or tuple(self._secrets().values()),
        )

    def _secrets(self) -> dict[str, str]:
        """Every secret of the block by its key, read now."""
        found: dict[str, str] = {}
        for key, reference in self.settings.secret_references():
            try:
                found[key] = self.resolve(reference).strip()
            except LookupError as error:
                raise StepError(FailureCategory.AUTH, f"runtime.{key}: {error}") from None
        return found

    def _headers(
        self, where: str, request: Request, scope: Mapping[str, Any], secrets: Mapping[str, str]
    ) -> dict[str, str]:
        named = {name: secrets[f"secrets.{name}"] for name in self.settings.secrets}
        filled: dict[str, str] = {}
        for block, headers in (
            ("headers", self.settings.headers),
            (f"{where}.headers", request.headers),
        ):
            for name, value in headers.items():
                place = f"{block}.{name}"
                if is_reference(value):
                    text = secrets[place]
                else:
                    text = _text(_filled(value, {**scope, "secret": named}, place))
                if not text.isascii() or not text.isprintable():
                    raise _unusable(place, "the value holds signs that no header can")
                filled[name] = text
        return filled

    async def _guarded(self, call: Call, peer: Peer) -> Reply:
        seconds = min(call.timeout, LONGEST_GUARDED_SECONDS)
        egress = EgressSpec.model_validate(
            {
                "allow": self.settings.allow,
                "max_bytes": call.max_bytes,
                "timeout": seconds,
            }
        )
        declared = [request.url.partition("{")[0] for request in self.settings.requests.values()]
        trusted = [url for url in declared if url]
        guard = GuardedClient(egress, trusted=trusted, network=self.network)
        headers = call.all_headers
        if not _same_origin(call.url, trusted):
            headers = {"Accept": headers["Accept"]}
        try:
            answer = await guard.request(
                call.method, call.url, headers=headers, content=call.content
            )
        except EgressRefusedError as error:
            raise StepError(
                FailureCategory.INVALID_REQUEST,
                f"{peer.name} gave an address that was not asked: {error}; list its host in "
                "runtime.allow if it may be",
            ) from None
        except AnswerRefusedError as error:
            raise refused(str(error), peer) from None
        except (httpx2.HTTPError, TimeoutError) as error:
            raise classify_transport(error, vendor=peer.name, secrets=peer.secrets) from None
        return Reply(answer.status, answer.headers, answer.body)


def _moved(call: Call, url: str) -> Call:
    return Call(call.method, url, call.headers, call.timeout, call.max_bytes)


def _same_origin(url: str, trusted: list[str]) -> bool:
    try:
        origin = parse_target(url).origin
    except ValueError:
        return False  # refused in a moment
    return any(parse_target(known).origin == origin for known in trusted)


def _url(request: Request, scope: Mapping[str, Any], where: str, account: str) -> str:
    if request.is_from_answer:
        given = _text(_filled(request.url, scope, f"{where}.url"))
        return joined(f"{account}/", given)
    url = _text(_filled(request.url, _encoded(scope), f"{where}.url"))
    if any(part in (".", "..") for part in url.partition("?")[0].split("/")):
        raise _unusable(f"{where}.url", "a value is '.' or '..', which leads to another address")
    return url


def _encoded(value: Any) -> Any:
    """The same with every text percent-encoded, so that it stays one part of a URL.

    Keys, too, but those that a template may name: they are free of signs that matter.
    """
    if isinstance(value, str):
        return quote(value, safe="")
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {
            key if _NAME.fullmatch(key) else quote(key, safe=""): _encoded(item)
            for key, item in items
        }
    if isinstance(value, list | tuple):
        return [_encoded(item) for item in cast("list[Any]", value)]
    return value


def _filled(template: Any, scope: Mapping[str, Any], where: str) -> Any:
    try:
        return render(template, scope)
    except TemplateError as error:
        raise _unusable(where, str(error)) from error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unusable(where: str, reason: str) -> StepError:
    return StepError(FailureCategory.INVALID_REQUEST, f"runtime.{where}: {reason}")
