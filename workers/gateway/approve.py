"""`/approve/<token>`: a person looks at one call that waits, and decides on it, by a signed link.

The token is all that is asked for: nobody who gets mail has the gateway's. So a page that looks at
a link without its reader's doing, as mail and chat do, must change nothing: looking never decides.
Only the form on the page does, which says again what was seen. Browsers send nothing along by
themselves here, so another page can have nobody decide; one that tries is refused anyway.

A decision goes the way of `rota approve`: the run itself takes or refuses it.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.approvals.links import (
    PATH,
    ApprovalLink,
    ApprovalLinks,
    ExpiredError,
    LinkError,
    why_not_by,
)
from rota.approvals.requests import ApprovalDecision, Verdict
from rota.approvals.spec import Undecided
from rota.failures import MESSAGE_LIMIT
from rota.notices.text import one_line
from workers.gateway.asked_call import AskedCall, NobodyAnswersError, TooLongError, asked_call
from workers.gateway.bodies import AnsweredError, Bodies
from workers.gateway.decision_form import Form, FormError, form_in
from workers.gateway.page_answers import page, told
from workers.gateway.place import Gateway
from workers.gateway.rates import Bucket

MOST_BYTES = 16 * 1024
"""Of a form: a name and a few lines."""
PER_MINUTE = 300
"""Looks and decisions with good links, together: each asks a worker."""
COMPLAINTS = 6
"""Lines a minute about links that were not made here."""
PATIENCE_SECONDS = 12.0
"""How long the run may take over a decision."""

log = logging.getLogger("rota.gateway.approve")

OVER = (
    "This call does not wait for a decision any more. Somebody has decided, by this link or "
    "another way, or its time was over, or the run has ended."
)
UNCHANGED = "Nothing was changed."
_THEN = {
    Undecided.DENY: "then it is denied",
    Undecided.PARK: "then the run is parked, and waits on",
    Undecided.FAIL: "then the run fails",
    Undecided.APPROVE_IF_READ_ONLY: "then it is made if it only reads, and else denied",
}


class _RefusedError(Exception):
    """A link or a form that does not count; it has its page."""

    def __init__(self, status: int, title: str, *texts: str, again: bool = False) -> None:
        super().__init__(title)
        headers = {"Retry-After": "10"} if status in (429, 503) else None
        self.page = told(status, title, *texts, again=again, headers=headers)


class Desk:
    """Shows what waits, and hands decisions over."""

    def __init__(self, gateway: Gateway, links: ApprovalLinks) -> None:
        """Take links that `links` reads."""
        self._gateway = gateway
        self._links = links
        self._bodies = Bodies()
        self._rate = Bucket(PER_MINUTE)
        self._complaints = Bucket(COMPLAINTS)

    async def look(self, request: Request) -> Response:
        """Show the request; nothing comes of it."""
        link = self._read(request)
        return _form_for(link, await self._asked(link))

    async def decide(self, request: Request) -> Response:
        """Take what the form says."""
        link = self._read(request)
        # Absent from old browsers, and from programs, which hold the link themselves.
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise _RefusedError(403, "Not from here", "Another page has sent this form.", UNCHANGED)
        try:
            async with self._bodies.read(request, MOST_BYTES) as body:
                form = form_in(request.headers.get("content-type", ""), body)
        except FormError as error:
            raise _RefusedError(400, "Not decided", str(error), UNCHANGED, again=True) from error
        call = await self._asked(link)
        pending = call.approval
        if form.seen != pending.request.digest:
            text = "That is not the request that waits."
            raise _RefusedError(409, "Look again", text, UNCHANGED, again=True)
        by = link.by or form.by
        if not by:
            text = "Say who you are: your name is recorded."
            raise _RefusedError(400, "Not decided", text, UNCHANGED, again=True)
        if form.verdict is Verdict.APPROVE:
            problem = why_not_by(by, pending, named=bool(link.by))
            if problem:
                raise _RefusedError(403, "Not approved", problem, UNCHANGED)
        said = await self._handed_over(link, form, by, pending.request.digest)
        host = request.client.host if request.client else "?"
        log.info("run %s: %s, by a link, from %s", link.run, one_line(said), host)
        return told(200, "Decided", f"{said}.", "This link is used up.")

    def _read(self, request: Request) -> ApprovalLink:
        try:
            link = self._links.read(request.path_params["token"], datetime.now(UTC))
        except ExpiredError as error:
            raise _RefusedError(410, "Too late", str(error), UNCHANGED) from error
        except LinkError as error:
            if not self._complaints.wait(time.monotonic()):
                host = request.client.host if request.client else "?"
                log.warning("a link from %s was not made here, or was changed", host)
            raise _RefusedError(403, "Not a link of ours", str(error), UNCHANGED) from error
        if self._rate.wait(time.monotonic()):
            raise _RefusedError(429, "Too many at once", UNCHANGED, again=True)
        return link

    async def _asked(self, link: ApprovalLink) -> AskedCall:
        """Return what the link is about, if it waits."""
        gateway = self._gateway
        try:
            found = await asked_call(gateway.client, gateway.store, link)
        except TooLongError as error:
            raise _RefusedError(
                413,
                "Too long to be shown",
                f"The call's arguments have {error} bytes; what cannot be read here cannot be "
                f"decided here. Look at them with: rota approvals --json",
                UNCHANGED,
            ) from error
        except NobodyAnswersError as error:
            log.warning("run %s: %s", link.run, error)
            raise _RefusedError(
                503,
                "Nobody answers",
                "The run cannot be asked at the moment: no worker, no server or no store answers.",
                UNCHANGED,
                again=True,
            ) from error
        if found is None:
            raise _RefusedError(410, "It is over", OVER, UNCHANGED)
        return found

    async def _handed_over(self, link: ApprovalLink, form: Form, by: str, digest: str) -> str:
        """Give the decision to the run; returns what it says."""
        decision = ApprovalDecision(
            call=link.call, digest=digest, verdict=form.verdict, by=by, note=form.note
        )
        handle = self._gateway.client.get_workflow_handle(link.run)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await handle.execute_update("decide", decision, result_type=str)
        except WorkflowUpdateFailedError as error:
            why = str(error.cause or error)[:MESSAGE_LIMIT]
            raise _RefusedError(403, "The run refuses this", why, UNCHANGED) from error
        except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError, TimeoutError) as error:
            if isinstance(error, RPCError) and is_missing(error):
                raise _RefusedError(410, "It is over", OVER, UNCHANGED) from error
            log.warning("run %s: a decision by a link: %s", link.run, error or "no answer in time")
            raise _RefusedError(
                503,
                "No answer",
                "The run did not answer in time, so it is not known whether your decision counts. "
                "Look again: if the call still waits, it does not.",
                again=True,
            ) from error


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family; none if the fleet declares no links."""
    if gateway.links is None:
        return []
    desk = Desk(gateway, gateway.links)
    path = f"{PATH}/{{token}}"
    return [
        Route(path, _answering(desk.look), methods=["GET"]),
        Route(path, _answering(desk.decide), methods=["POST"]),
    ]


def _answering(
    work: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await work(request)
        except _RefusedError as refused:
            return refused.page
        except AnsweredError as answered:
            return answered.response

    return answer


def _form_for(link: ApprovalLink, call: AskedCall) -> Response:
    pending = call.approval
    problem = why_not_by(link.by, pending, named=bool(link.by))
    parked = pending.parked_until is not None
    return page(
        "approve.html.j2",
        forms=True,
        call=call,
        pending=pending,
        request=pending.request,
        by=link.by,
        problem=problem,
        after="then the run fails" if parked else _THEN[pending.request.rule.otherwise],
        arguments=json.dumps(call.arguments, indent=2, ensure_ascii=False),
    )
