"""What a namespace needs before Rota can work in it: search attributes, retention."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from rota.visibility import SEARCH_ATTRIBUTES

RETENTION = timedelta(days=30)
"""How long closed runs stay in Temporal. The dev server's own default is one day."""

_TYPES = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
}


async def attribute_problems(client: Client) -> list[str]:
    """Search attributes that are missing or of another type, one line each.

    A run that upserts an attribute the server does not know would hang, so a worker
    refuses to start while there are any. Where listing them is not for the likes of a worker
    (Temporal Cloud's operations, an authorizer), a query says which there are, but not their types.
    """
    try:
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status not in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
            raise
        return [_missing(name) for name in SEARCH_ATTRIBUTES if not await _is_known(client, name)]
    problems: list[str] = []
    for name, kind in SEARCH_ATTRIBUTES.items():
        actual = listed.custom_attributes.get(name)
        if actual is None:
            problems.append(_missing(name))
        elif actual != _TYPES[kind]:
            problems.append(f"search attribute {name} is not of type {kind}")
    return problems


def _missing(name: str) -> str:
    return f"search attribute {name} ({SEARCH_ATTRIBUTES[name]}) is missing"


async def _is_known(client: Client, name: str) -> bool:
    """Ask for runs by it: a query with an attribute that there is not is refused."""
    try:
        await client.count_workflows(f"WorkflowId = 'none' AND {name} IS NULL")
    except RPCError as error:
        if error.status == RPCStatusCode.INVALID_ARGUMENT:
            return False
        raise
    return True


async def prepare_namespace(client: Client, retention: timedelta | None) -> None:
    """Create missing search attributes and raise retention. Idempotent.

    Raises:
        temporalio.service.RPCError: the server refused (no permission, no room).
    """
    if await attribute_problems(client):
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={name: _TYPES[kind] for name, kind in SEARCH_ATTRIBUTES.items()},
            )
        )
    if retention is None:
        return
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    current = described.config.workflow_execution_retention_ttl.ToTimedelta()
    if current >= retention:
        return
    wanted = Duration()
    wanted.FromTimedelta(retention)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace,
            config=NamespaceConfig(workflow_execution_retention_ttl=wanted),
        )
    )
