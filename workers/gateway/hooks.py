"""`POST /hooks/<name>`: a delivery starts a run of an agent or a pipeline, once.

202 says that the server has the run: it is answered only then, and needs no worker. The run's id
derives from the delivery's, so the server itself brings a repeated delivery to the run it has
started, whichever gateway takes it, and whatever became of the first one's answer.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.server_errors import is_missing
from rota.hooks.delivery import hook_input, hook_lineage
from rota.ids import hook_run_id, keeper_id
from rota.kinds import ARGUMENT_KEYS, WORKFLOW_TYPES
from rota.language.templates import TemplateError
from rota.runs import Trigger
from workers.gateway.bodies import AnsweredError
from workers.gateway.doors import HookDoor
from workers.gateway.inbound import Delivery, Inbound
from workers.gateway.place import Gateway
from workers.gateway.server_calls import RPC, on_behalf

BELIEVED_SECONDS = 60.0
"""How long an agent that was found applied counts as such."""
SUMMARY_LIMIT = 200

log = logging.getLogger("rota.gateway")


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family."""
    inbound = Inbound(gateway.fleet.gateway.max_body_bytes)
    applied = Applied(gateway.client)

    async def post(request: Request) -> Response:
        door = gateway.doors.hooks.get(request.path_params["name"])
        try:
            async with inbound.delivery(request, door) as delivery:
                assert door is not None  # nothing is signed where there is none
                async with on_behalf(door.name):
                    await applied.require(door.name)
                    return await start(gateway, door, delivery)
        except AnsweredError as answered:
            return answered.response

    return [Route("/hooks/{name}", post, methods=["POST"])]


async def start(gateway: Gateway, door: HookDoor, delivery: Delivery) -> Response:
    """Start the delivery's run: 202, or 200 if it was started before; both name it.

    Raises:
        AnsweredError: 422, the delivery lacks what the input is made from.
        temporalio.service.RPCError, StoreError: it may, or may not, have been started.
    """
    run_id = hook_run_id(door.name, delivery.id)
    try:
        run_input = hook_input(door.spec, delivery.scope)
    except TemplateError as error:
        raise AnsweredError(422, f"hook.input: {error}") from error
    lineage = hook_lineage(door.spec, door.name, run_id, delivery.id)
    argument: dict[str, Any] = {
        ARGUMENT_KEYS[door.kind]: door.name,
        "input": run_input,
        "trigger": Trigger.HOOK.value,
        "lineage": lineage.model_dump(mode="json", exclude_defaults=True),
    }
    status = 202
    try:
        await gateway.client.start_workflow(
            WORKFLOW_TYPES[door.kind],
            argument,
            id=run_id,
            task_queue=gateway.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"{door.name} · webhook {delivery.id}"[:SUMMARY_LIMIT],
            rpc_timeout=RPC,
        )
    except WorkflowAlreadyStartedError:
        status = 200
    log.info("%s: delivery %s is run %s", door.name, delivery.id, run_id)
    return JSONResponse({"id": delivery.id, "taken": True, "run_id": run_id}, status)


class Applied:
    """Knows of agents and pipelines whether they are in force. Needs no worker."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seen: dict[str, float] = {}
        """By name: when it was found last. Names are declared ones."""

    async def require(self, name: str) -> None:
        """Return if it is in force.

        Raises:
            AnsweredError: 404, it is declared and not applied.
            temporalio.service.RPCError: the server did not answer.
        """
        now = asyncio.get_running_loop().time()
        if now - self._seen.get(name, -BELIEVED_SECONDS) < BELIEVED_SECONDS:
            return
        keeper = self._client.get_workflow_handle(keeper_id(name))
        try:
            found = await keeper.describe(rpc_timeout=RPC)
        except RPCError as error:
            if not is_missing(error):
                raise
            raise AnsweredError(404, f"{name} is not applied") from error
        if found.status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
            raise AnsweredError(404, f"{name} is not applied")
        self._seen[name] = now
