"""`kind: http`: any service that does the work behind a declared HTTP interface."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rota.language.durations import Duration
from rota.language.templates import paths
from rota.runtime_specs.answer_paths import AnswerPaths, JsonPath
from rota.runtime_specs.base import SecretReference, SessionSettings, is_reference
from rota.runtime_specs.http_requests import (
    RUN_SCOPE,
    SECRET_SCOPE,
    SESSION_SCOPE,
    HeaderName,
    Request,
    StartRequest,
    StatusRequest,
    names_in,
)
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape
from rota.security.egress import AllowedOrigin, parse_target


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for value in headers.values():
        names_in(value)
    return headers


Headers = Annotated[dict[HeaderName, str], AfterValidator(_headers)]


class HttpSettings(SessionSettings):
    """`kind: http`: any service that does the work behind a declared HTTP interface."""

    kind: Literal["http"] = "http"
    mode: Literal["sync", "poll", "callback"]
    """How the answer comes: with the answer to `start`; by asking `status`; or by the service
    posting it to the URL that `start` gave it, which needs workers with `--callback-url` and
    may take as long as `inactivity`."""
    start: StartRequest
    """Begins the work."""
    id: JsonPath | None = None
    """Where the answer to `start` has the service's own id; None: Rota's key is the id."""
    keep: dict[str, JsonPath] = Field(default_factory=dict[str, str], max_length=10)
    """What else to keep of that answer, for `{session.name}` in later requests."""
    status: StatusRequest | None = None
    """Asks how far it is: needed to poll; with callbacks it finds out about lost ones."""
    result: Request | None = None
    """Reads the answer in the end. None: the status has it."""
    cancel: Request | None = None
    """Stops the work."""
    headers: Headers = Field(default_factory=dict[str, str])
    """Of every request to the service: text, which may name `{secret.name}`, or a reference
    to a secret as a whole."""
    secrets: dict[str, SecretReference] = Field(default_factory=dict[str, str])
    """Secrets for headers, by name."""
    answer: AnswerPaths = Field(default_factory=AnswerPaths)
    """Where the result and what it cost stand in the answer."""
    idempotency_header: HeaderName = "Idempotency-Key"
    """Carries the key of the start, the same in every attempt."""
    idempotent: bool = False
    """The service promises that a second start with the same key is the first one."""
    repeatable: bool = False
    """Mode sync: it is safe to ask again after an answer was lost."""
    allow: tuple[AllowedOrigin, ...] = Field(default=(), max_length=100)
    """Further hosts that addresses given by the service, and redirects, may lead to. They
    are asked without `headers`, and only at public addresses."""
    inactivity: Duration = Field(default=timedelta(days=1), gt=timedelta(0))
    """Longest time in which neither the state nor what stands at `status.progress` changes, or
    in which no callback comes. The run's own limit usually ends it before."""
    timeout: Duration = Field(default=timedelta(seconds=30), gt=timedelta(0))
    """Longest time for one request; in mode sync for the work itself."""
    max_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    """Bytes one answer may have."""

    @property
    def account(self) -> str:
        """The service's origin."""
        return str(parse_target(self.start.url.partition("{")[0]).origin)

    @property
    def is_one_call(self) -> bool:
        """With `mode: sync`."""
        return self.mode == "sync"

    @property
    def callback_key(self) -> str | None:
        """With `mode: callback`."""
        return "mode" if self.mode == "callback" else None

    @property
    def requests(self) -> dict[str, Request]:
        """The declared requests by their key."""
        named = {
            "start": self.start,
            "status": self.status,
            "result": self.result,
            "cancel": self.cancel,
        }
        return {key: request for key, request in named.items() if request is not None}

    def secret_references(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reference of every secret the block names."""
        for name, reference in self.secrets.items():
            yield f"secrets.{name}", reference
        blocks = {"headers": self.headers}
        blocks |= {f"{key}.headers": request.headers for key, request in self.requests.items()}
        for key, headers in blocks.items():
            for name, value in headers.items():
                if is_reference(value):
                    yield f"{key}.{name}", value

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.mode == "poll" and self.status is None:
            raise ValueError("mode poll needs 'status': the request that asks how far it is")
        known = self.id or self.keep or "key" in names_in(self.start.url, self.start.body)
        if self.mode == "poll" and not known:
            raise ValueError(
                "mode poll needs 'id': where the answer to start has the job's id; or a start "
                "that gives the service {key} as the id"
            )
        if self.mode == "sync" and (self.status or self.result):
            raise ValueError("mode sync has its answer at once: leave 'status' and 'result' out")
        if self.status and self.status.state and not (self.status.done and self.status.failed):
            raise ValueError("status.done and status.failed: list the states that end the work")
        start = self.start
        told = names_in(start.url, start.body, *start.headers.values())
        # Without a body of its own the start carries the whole task, the address in it.
        if self.mode == "callback" and start.body is not None and "callback" not in told:
            raise ValueError(
                "mode callback needs '{callback}' in start.body: the address that the service "
                "is to post its answer to"
            )
        if self.start.is_from_answer:
            raise ValueError("start.url: nothing was answered yet; write the address")
        return self

    @model_validator(mode="after")
    def _names_what_is_there(self) -> Self:
        for key, request in self.requests.items():
            scope = RUN_SCOPE if key == "start" else SESSION_SCOPE
            for where, templates, known in (
                ("url", [request.url], scope),
                ("body", [request.body], scope),
                ("headers", [*request.headers.values()], scope + SECRET_SCOPE),
            ):
                if unknown := sorted(names_in(*templates) - set(known)):
                    raise ValueError(
                        f"{key}.{where}: no '{unknown[0]}' here; a template may name "
                        f"{', '.join(known)}"
                    )
        if unknown := sorted(names_in(*self.headers.values()) - set(SECRET_SCOPE)):
            raise ValueError(f"headers: no '{unknown[0]}' here; a template may name secret")
        known_paths = {f"secret.{name}" for name in self.secrets}
        known_paths |= {"session.id", *(f"session.{name}" for name in self.keep)}
        for path in sorted(self._own_paths() - known_paths):
            block = "secrets" if path.startswith("secret.") else "keep"
            raise ValueError(f"'{{{path}}}' is not declared; add it to '{block}'")
        return self

    def _own_paths(self) -> set[str]:
        """The paths in templates that lead to what the block itself declares."""
        templates: list[Any] = [*self.headers.values()]
        for request in self.requests.values():
            templates += [request.url, request.body, *request.headers.values()]
        named = {path for template in templates for path in paths(template)}
        return {path for path in named if path.partition(".")[0] in ("secret", "session")}


def _promised(settings: HttpSettings) -> Capabilities:
    polled = settings.status is not None
    return Capabilities(
        idempotent_start=settings.idempotent,
        # In mode sync by a name that follows from the run; the work is begun by watching.
        find=settings.mode == "sync",
        reattach=settings.mode != "sync" or settings.idempotent,
        stream=polled,
        cancel=settings.cancel is not None,
        confirm_cancel=settings.cancel is not None and polled,
        usage=settings.answer.tells_usage,
        cost=settings.answer.tells_cost,
        persons=bool(settings.status and settings.status.waiting),
        remains=_REMAINS,
    )


_REMAINS = (
    "without `idempotent`, a start whose answer was lost is never repeated, and in mode sync "
    "neither is the work: it ends as outcome_unknown. Work that is asked for or called back is "
    "taken up; what else is promised follows from the requests declared"
)

KIND = RuntimeKind(
    kind="http",
    shape=Shape.SESSION,
    summary="any service, by declared requests",
    settings=HttpSettings,
    capabilities=Capabilities(remains=_REMAINS),
    implementation="activities.runtimes.http:HttpRuntime",
    promised=_promised,
    by_settings=(
        "idempotent_start",
        "find",
        "reattach",
        "stream",
        "cancel",
        "confirm_cancel",
        "usage",
        "cost",
        "persons",
    ),
)
