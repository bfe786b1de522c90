"""What `rota audit export` writes: one bundle, or several with their index."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from activities.audit.archive_store import all_archives
from activities.audit.collect import RunUnknownError
from rota.audit.archived import ArchivedRun
from rota.audit.bundle import OtherHeadError
from rota.list_query import quoted
from workers.audit.archived import DamagedArchiveError
from workers.audit.exporting import (
    Bundle,
    Desk,
    ErasedRunError,
    bundle_of_archive,
    export_run,
    index_files,
)
from workers.audit.folders import add_files, folder_name, require_free, write_folder
from workers.cli.output import remark
from workers.cli.pipeline_view import PIPELINE_RUN_TYPE
from workers.cli.run_view import RUN_TYPE

_LEFT_OUT = (ErasedRunError, OtherHeadError, DamagedArchiveError)
"""Why a run of several has no bundle; the others have theirs."""


@dataclass
class Exported:
    """What was written."""

    folder: Path
    single: bool
    bundles: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """By folder: what `--json` says of it."""
    left_out: list[str] = field(default_factory=list[str])
    """Runs that could not be exported, and why."""

    @property
    def document(self) -> Any:
        """As `--json` prints it."""
        listed = [{"folder": folder, **told} for folder, told in self.bundles.items()]
        return listed[0] if self.single else listed

    def add(self, folder: Path, bundle: Bundle) -> None:
        """Note one."""
        self.bundles[str(folder)] = bundle.document

    def tell(self) -> None:
        """Print it for people."""
        for folder, told in self.bundles.items():
            signed = "signed" if told["signed"] else "not signed"
            click.echo(f"{folder}: {told['run_id']}, {told['records']} records, {signed}")
            for note in told["notes"]:
                remark(f"note: {note}")
            if not told["ended"]:
                remark("note: the run has not ended: export it again when it has")
            elif not told["archived"]:
                remark("note: not archived yet: exported again it may have another head")
        if not self.bundles:
            remark("no runs")
        key = " --key PUBLIC_KEY" if any(told["signed"] for told in self.bundles.values()) else ""
        click.echo(f"check with: python {self.folder / 'verify.py'}{key}")


async def export_one(desk: Desk, run_id: str, folder: Path) -> Exported:
    """Write the bundle of one run.

    Raises:
        RunUnknownError: there is none.
        ErasedRunError: its content was erased.
        OtherHeadError: its checkpoint has another head.
        DamagedArchiveError: it is archived, and cannot be read.
        FolderTakenError: the folder is not empty.
    """
    bundle = await export_run(desk, run_id)
    write_folder(folder, bundle.files)
    exported = Exported(folder, single=True)
    exported.add(folder, bundle)
    return exported


async def export_many(
    desk: Desk, agent: str | None, since: datetime | None, folder: Path
) -> Exported:
    """Write a bundle for each run, and their index last: without one the folder is not whole.

    Runs that the server has forgotten come from the archive. Those that cannot be exported are
    left out, and said to be.

    Raises:
        FolderTakenError: the folder is not empty.
    """
    require_free(folder)
    client, store = desk.link.client, desk.link.store
    exported = Exported(folder, single=False)
    heads: dict[str, str] = {}

    def add(bundle: Bundle) -> None:
        name = folder_name(bundle.record.run.id, bundle.record.run.key)
        write_folder(folder / name, bundle.files)
        heads[name] = bundle.head
        exported.add(folder / name, bundle)

    known: set[str] = set()
    async for run in client.list_workflows(_query(agent, since)):
        try:
            bundle = await export_run(desk, run.id, run.run_id)
        except (RunUnknownError, *_LEFT_OUT) as error:
            exported.left_out.append(str(error))
            continue
        known.add(bundle.record.run.key)
        add(bundle)
    for archived in await all_archives(store):
        if archived.run.key not in known and _is_meant(archived, client.namespace, agent, since):
            try:
                add(await bundle_of_archive(desk, archived))
            except _LEFT_OUT as error:
                exported.left_out.append(str(error))
    add_files(folder, index_files(heads, desk.signer))
    return exported


def _is_meant(run: ArchivedRun, namespace: str, agent: str | None, since: datetime | None) -> bool:
    if run.namespace != namespace or (agent is not None and run.agent != agent):
        return False
    return since is None or run.started >= since


def _query(agent: str | None, since: datetime | None) -> str:
    parts = [
        f"WorkflowType IN ('{RUN_TYPE}', '{PIPELINE_RUN_TYPE}')",
        "ExecutionStatus != 'ContinuedAsNew'",
    ]
    if agent is not None:
        named = quoted(agent)
        pipeline = f"(WorkflowType = '{PIPELINE_RUN_TYPE}' AND RotaPipeline = {named})"
        parts.append(f"(RotaAgent = {named} OR {pipeline})")
    if since is not None:
        parts.append(f"StartTime >= '{since.isoformat()}'")
    return " AND ".join(parts)
