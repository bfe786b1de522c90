"""`POST /events/<topic>`: a delivery becomes an event, which starts whoever subscribes to it.

202 says that the server has it for the topic, which needs no worker. The event's id is the
delivery's: the topic itself knows one that is repeated.
"""

import logging
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from temporalio.common import WorkflowIDConflictPolicy

from activities.announcing import TOPIC_WORKFLOW
from rota.hooks.delivery import hook_payload
from rota.ids import keeper_queue, topic_id
from rota.language.templates import TemplateError
from rota.model import canonical_json
from rota.topics.rules import unique_id
from rota.topics.topic import PAYLOAD_LIMIT, PublishRequest
from workers.gateway.bodies import AnsweredError
from workers.gateway.doors import TopicDoor
from workers.gateway.inbound import Delivery, Inbound
from workers.gateway.place import Gateway
from workers.gateway.server_calls import RPC, on_behalf

log = logging.getLogger("rota.gateway")


def routes(gateway: Gateway) -> Sequence[BaseRoute]:
    """Return the routes of this family."""
    inbound = Inbound(gateway.fleet.gateway.max_body_bytes)

    async def post(request: Request) -> Response:
        door = gateway.doors.topics.get(request.path_params["topic"])
        try:
            async with inbound.delivery(request, door) as delivery:
                assert door is not None  # nothing is signed where there is none
                event = _event(door, delivery)
                async with on_behalf(door.name):
                    await _publish(gateway, door.name, event)
        except AnsweredError as answered:
            return answered.response
        log.info("%s: delivery %s is an event", door.name, delivery.id)
        told = {"id": delivery.id, "taken": True, "event_id": unique_id(event.id, door.name)}
        return JSONResponse(told, 202)

    return [Route("/events/{topic}", post, methods=["POST"])]


def _event(door: TopicDoor, delivery: Delivery) -> PublishRequest:
    try:
        payload = hook_payload(door.spec, delivery.scope)
    except TemplateError as error:
        raise AnsweredError(422, f"gateway.events.{door.name}.payload: {error}") from error
    # The topic would refuse it as well, but the sender would not be told.
    if len(canonical_json(payload)) > PAYLOAD_LIMIT:
        raise AnsweredError(413, f"an event carries at most {PAYLOAD_LIMIT} bytes")
    return PublishRequest(id=delivery.id, payload=payload, trusted=door.spec.trusted)


async def _publish(gateway: Gateway, topic: str, event: PublishRequest) -> None:
    """Hand it to its topic, which begins with it if need be."""
    await gateway.client.start_workflow(
        TOPIC_WORKFLOW,
        id=topic_id(topic),
        task_queue=keeper_queue(gateway.settings.task_queue),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="publish",
        start_signal_args=[event],
        static_summary=f"topic {topic}",
        rpc_timeout=RPC,
    )
