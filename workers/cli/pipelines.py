"""`rota pipelines`: the pipelines in force, when they run next, how they last went."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.text import Text
from temporalio.client import Client
from temporalio.service import RPCError

from activities.encryption.foreign import own_memo
from activities.server_errors import is_missing
from rota.ids import KEEPER_PREFIX
from rota.list_query import KEEPERS
from rota.visibility import KEEPER_MEMO
from workers.cli.options import command, server_options
from workers.cli.output import format_time, print_json, print_table, remark, styled, table
from workers.cli.pipeline_view import PipelineView, newest_pipeline_run
from workers.cli.server import Link, with_server
from workers.settings import Settings
from workflows.run_kit.visibility import TEAM


@dataclass(frozen=True)
class _Listed:
    name: str
    team: str
    fleet: str
    next: datetime | None
    paused: bool
    frozen: bool
    last: PipelineView | None

    @property
    def document(self) -> dict[str, Any]:
        return {
            "pipeline": self.name,
            "team": self.team,
            "fleet": self.fleet,
            "next": self.next.isoformat() if self.next else None,
            "paused": self.paused,
            "frozen": self.frozen,
            "last": self.last.document if self.last else None,
        }


@command(
    "pipelines",
    example="rota pipelines",
    json="[{pipeline, team, fleet, next, paused, frozen, last: run or null}]; run as in "
    "'rota show'",
)
@server_options
def pipelines_command(settings: Settings, as_json: bool) -> None:
    """List the pipelines, their next slots and newest runs.

    'rota graph PIPELINE' shows one with its nodes.
    """
    listed = with_server(settings, _pipelines)
    if as_json:
        print_json([pipeline.document for pipeline in listed])
    elif not listed:
        remark("no pipelines: declare one (kind: Pipeline) and run 'rota apply'")
    else:
        _show(listed)


async def _pipelines(link: Link) -> list[_Listed]:
    listed: list[_Listed] = []
    async for keeper in link.client.list_workflows(KEEPERS):
        memo = await own_memo(keeper, KEEPER_MEMO)
        if memo.get("kind") != "Pipeline" or not memo.get("digest"):
            continue
        name = keeper.id.removeprefix(KEEPER_PREFIX)
        paused, following = await _schedule(link.client, name)
        listed.append(
            _Listed(
                name=name,
                team=keeper.typed_search_attributes.get(TEAM) or "",
                fleet=memo.get("fleet", ""),
                next=following,
                paused=paused,
                frozen=bool(memo.get("freeze")),
                last=await newest_pipeline_run(link.client, name),
            )
        )
    return sorted(listed, key=lambda pipeline: pipeline.name)


async def _schedule(client: Client, name: str) -> tuple[bool, datetime | None]:
    try:
        found = await client.get_schedule_handle(name).describe()
    except RPCError as error:
        if is_missing(error):
            return False, None
        raise
    following = found.info.next_action_times
    return found.schedule.state.paused, following[0] if following else None


def _show(listed: list[_Listed]) -> None:
    made = table("PIPELINE\nteam", "NEXT", "LAST RUN\nstarted", "STATUS\nnodes")
    for pipeline in listed:
        last = pipeline.last
        made.add_row(
            Text(pipeline.name).append(f"\n{pipeline.team}", "dim"),
            _next(pipeline),
            _last(last),
            _ended(last) if last else Text("-"),
        )
    print_table(made)


def _next(pipeline: _Listed) -> str:
    if pipeline.frozen:
        return "frozen"
    return "paused" if pipeline.paused else format_time(pipeline.next)


def _last(last: PipelineView | None) -> Text:
    if last is None:
        return Text("-")
    return Text(last.result.run_id).append(f"\n{format_time(last.started)}", "dim")


def _ended(last: PipelineView) -> Text:
    return Text.from_markup(styled(last.result.status.value)).append(f"\n{last.counts}", "dim")
