"""`GET /`: the fleet on one page, for people: who is well, what comes next, who waits for them.

It reads and changes nothing, so nothing on it needs protection from other pages but the reading.
A browser asks for the gateway's token by itself, as a password. What the page shows of keepers
is what `/metrics` shows, from the same look.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from temporalio.client import Client
from temporalio.service import RPCError

from rota.runs import RunStatus
from workers.cli.any_run import AnyView, listed_view
from workers.cli.links import page_of
from workers.cli.output import format_took
from workers.cli.pipeline_view import PIPELINE_RUN_TYPE, PipelineView
from workers.cli.run_view import RUN_TYPE
from workers.exporter.exporter import NothingReadError
from workers.exporter.snapshot import Snapshot
from workers.gateway.overview import overview
from workers.gateway.page_answers import page, told
from workers.gateway.place import Gateway
from workers.gateway.slots_picture import HOURS, slots_picture

RUNS = 20
"""The newest, as many as are shown."""
READ = 200
"""Of the newest runs of the namespace, whichever fleet's, so many are looked through."""
BELIEVED_SECONDS = 3.0
"""One list of runs serves all who look meanwhile."""
RPC = timedelta(seconds=5)
_LISTED = (
    f"WorkflowType IN ('{RUN_TYPE}', '{PIPELINE_RUN_TYPE}') AND ExecutionStatus != 'ContinuedAsNew'"
)
_TONES = {
    RunStatus.SUCCEEDED: "calm",
    RunStatus.SKIPPED: "calm",
    RunStatus.FAILED: "bad",
    RunStatus.BLOCKED: "bad",
    RunStatus.TIMED_OUT: "bad",
    RunStatus.CANCELLED: "wait",
    RunStatus.AWAITING_APPROVAL: "wait",
    RunStatus.PARKED: "wait",
}

log = logging.getLogger("rota.gateway")


@dataclass(frozen=True)
class RunRow:
    """A run, as the page lists it."""

    id: str
    status: str
    tone: str
    trigger: str
    started: datetime
    took: str
    reason: str


class LastRuns:
    """The newest runs of a namespace, listed anew when somebody looks, but not for each."""

    def __init__(self, client: Client) -> None:
        """List them by `client`."""
        self._client = client
        self._listing = asyncio.Lock()
        self._at = float("-inf")
        self._views: list[AnyView] | None = None

    async def of(self, names: Collection[str]) -> list[RunRow] | None:
        """Return the newest of these agents and pipelines; None: the server did not answer."""
        async with self._listing:
            now = asyncio.get_running_loop().time()
            if now - self._at >= BELIEVED_SECONDS:
                self._views = await self._listed()
                self._at = asyncio.get_running_loop().time()
            views = self._views
        if views is None:
            return None
        return [_row(view) for view in views if _owner(view) in names][:RUNS]

    async def _listed(self) -> list[AnyView] | None:
        try:
            async with asyncio.timeout(RPC.total_seconds()):
                listed = self._client.list_workflows(_LISTED, limit=READ, rpc_timeout=RPC)
                return [await listed_view(each) async for each in listed]
        except (RPCError, TimeoutError) as error:
            log.warning("the page: runs could not be listed: %s", error or "no answer in time")
            return None


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family."""
    last = LastRuns(gateway.client)

    async def fleet(request: Request) -> Response:
        try:
            snapshot = await gateway.exporter.scrape()
        except NothingReadError:
            text = "The first look at the fleet is under way."
            return told(503, "One moment", text, again=True, headers={"Retry-After": "5"})
        runs = await last.of(snapshot.agents)
        return rendered(gateway, snapshot, runs, datetime.now(UTC), _number(request))

    return [Route("/", gateway.access.required(fleet))]


def rendered(
    gateway: Gateway,
    snapshot: Snapshot,
    runs: list[RunRow] | None,
    now: datetime,
    number: int = 1,
) -> Response:
    """Return the page of what was found.

    Args:
        gateway: Whose it is.
        snapshot: Of the fleet.
        runs: The newest; None: they could not be read.
        now: When somebody looks.
        number: Of the page of agents.
    """
    view = overview(snapshot, now, number)
    notes = [*view.notes, *(["the runs could not be read"] if runs is None else [])]
    namespace = gateway.client.namespace
    # A link to anything but a page would be a trap.
    ui = gateway.ui if gateway.ui.startswith(("http://", "https://")) else ""

    def link_to(run: str) -> str:
        return page_of(ui, namespace, run) if ui else ""

    return page(
        "fleet.html.j2",
        fleet=gateway.fleet.name,
        namespace=namespace,
        view=view,
        notes=notes,
        picture=slots_picture(snapshot.schedules, snapshot.at),
        hours=HOURS,
        runs=runs or [],
        page_of=link_to,
    )


def _number(request: Request) -> int:
    text = request.query_params.get("page", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 1


def _owner(view: AnyView) -> str:
    return view.result.pipeline if isinstance(view, PipelineView) else view.result.agent


def _row(view: AnyView) -> RunRow:
    result = view.result
    return RunRow(
        id=result.run_id,
        status=result.status.value.replace("_", " "),
        tone=_TONES.get(result.status, "busy"),
        trigger=result.trigger.value,
        started=view.started,
        took=format_took(view.took),
        reason=result.reason,
    )
