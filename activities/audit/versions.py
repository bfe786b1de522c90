"""Whose code worked on a run: Rota, the server, SDKs, builds of workers.

Activity side: asks the server for its version.
"""

from collections.abc import Iterable
from importlib import metadata

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client

from rota.audit.histories import attributes_of, events_of
from rota.audit.run_record import ExecutionHistory, Versions


async def versions_of(client: Client, executions: Iterable[ExecutionHistory]) -> Versions:
    """Return what is known of the programs, from the histories and the server as it is now."""
    told = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    sdks: set[str] = set()
    workers: set[str] = set()
    for execution in executions:
        for said in map(attributes_of, events_of(execution)):
            sdk = said.get("sdkMetadata", {})
            if sdk.get("sdkName"):
                sdks.add(f"{sdk['sdkName']} {sdk.get('sdkVersion', '')}".strip())
            if build := said.get("workerVersion", {}).get("buildId"):
                workers.add(build)
    return Versions(
        rota=own_version(),
        server=told.server_version,
        sdk=tuple(sorted(sdks)),
        workers=tuple(sorted(workers)),
    )


def own_version() -> str:
    """Return which Rota this is; empty if it is run from its sources, without being installed."""
    try:
        return metadata.version("rota")
    except metadata.PackageNotFoundError:
        return ""
