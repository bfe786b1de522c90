"""`rota effects`: what tools have done, and what nobody knows whether they have done it."""

import json
import re
from typing import Any

import click
from rich.text import Text

from activities.effect_records import EffectRecords
from rota.effects.records import EffectNote, EffectResolution, EffectStage, OpenEffect
from rota.effects.rules import check_resolution, too_early
from rota.ids import keeper_id
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.known_effects import KnownEffect, effects_of, unknown_effects
from workers.cli.options import ListsByDefault, command, server_options
from workers.cli.output import format_time, now, print_json, print_table, remark, table
from workers.cli.person import by_option, deciding
from workers.cli.run_input import read_text
from workers.cli.server import Link, with_server
from workers.cli.standing import ask_state
from workers.settings import Settings

_WORDS = {
    EffectStage.INTENT: "begun",
    EffectStage.HAPPENED: "happened",
    EffectStage.DID_NOT: "did not",
    EffectStage.UNKNOWN: "unknown",
}


_KEY = r"[0-9a-f]{64}"


@click.group("effects", cls=ListsByDefault)
def effects_command() -> None:
    """List what tools have done, and settle what nobody knows.

    Example: rota effects --unknown
    """


@command(
    "list",
    example=(
        "rota effects --unknown",
        "rota effects report",
        "rota effects report-2026-11-22T06:00:00Z --json",
    ),
    json="[{id, key, tool, effect, agent, run, stage, at, begun_at, busy_until, arguments, "
    "receipt, text, resolution, version, asked_by}]",
)
@server_options
@click.argument("name", metavar="[AGENT|RUN]", required=False)
@click.option("--unknown", is_flag=True, help="Only those that wait for somebody's word.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="Newest runs read."
)
def list_command(
    settings: Settings, name: str | None, unknown: bool, limit: int, as_json: bool
) -> None:
    """List the effects of a run, or of the newest runs of an agent or of all.

    With --unknown those of which nobody knows whether they happened, as the agents' keepers
    list them, however old.
    """

    async def read(link: Link) -> list[KnownEffect]:
        if not unknown:
            return await effects_of(link, name, limit)
        found = [each for each in await unknown_effects(link) if each.waits(now())]
        asked = [(each, {e.run.id for e in each.asking}) for each in found]
        return [each for each, runs in asked if name in (None, each.record.agent, *runs)]

    found = with_server(settings, read)
    if as_json:
        print_json([each.document for each in found])
    elif not found:
        remark("no unknown effects" if unknown else "no effects on record")
    else:
        _print(found)


@command(
    "resolve",
    example=(
        'rota effects resolve 3f2a91c0 happened --receipt \'{"number": 17}\' --note "in the books"',
        "rota effects resolve 3f2a91c0 did-not",
    ),
    json="{id, key, tool, run, happened, told}",
)
@server_options
@click.argument("id", metavar="ID")
@click.argument("word", type=click.Choice(["happened", "did-not"]))
@click.option(
    "--receipt", metavar="JSON|@FILE", help="What the call would have returned, for the model."
)
@click.option("--note", default="", help="How you know; on record.")
@by_option("Who says so.")
def resolve_command(
    settings: Settings,
    id: str,
    word: str,
    receipt: str | None,
    note: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Say whether an effect happened, once you have looked.

    Happened: the run that waits goes on with the receipt. Did not: it makes the call again, with
    the same key. If no run waits, the next one of the slot goes by it. ID is the effect's, or
    its first digits, or its whole key if nobody asks about it; what is said first stays.
    """
    said = EffectResolution(
        effect=id,
        happened=word == "happened",
        receipt=_value(receipt),
        note=note,
        by=deciding(by),
    )
    problem = check_resolution(said)
    if problem:
        raise CommandError(problem, ExitCode.WRONG)

    async def act(link: Link) -> dict[str, Any]:
        known = await _named(link, id)
        resolution = said.model_copy(update={"effect": known.record.id})
        told = await _tell_runs(link, known, resolution)
        if told is None:
            told = await _tell_record(link, known, resolution)
        record = known.record
        shown = {"id": record.id, "key": record.key, "tool": record.tool, "run": record.run.id}
        return {**shown, "happened": resolution.happened, "told": told}

    done = with_server(settings, act)
    if as_json:
        print_json(done)
    else:
        remark(f"{done['tool']} of {done['run']}: {done['told']}")


def _value(text: str | None) -> Any:
    """Read a receipt: JSON, or text where it is none."""
    if text is None:
        return None
    given = read_text(text)
    try:
        return json.loads(given)
    except ValueError:
        return given


async def _named(link: Link, id: str) -> KnownEffect:
    """The effect that somebody asks about, or of whichever run by its whole key."""
    found = [each for each in await unknown_effects(link) if each.record.key.startswith(id)]
    record = await EffectRecords(link.store).newest(id) if re.fullmatch(_KEY, id) else None
    if record is not None and not found:
        return KnownEffect(record)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(each.record.id for each in found)
        raise CommandError(f"'{id}' begins several: {listed}; give more digits", ExitCode.WRONG)
    raise CommandError(
        f"nobody asks about an effect '{id}': 'rota effects --unknown' lists those that are open",
        ExitCode.NOT_FOUND,
    )


async def _tell_runs(link: Link, known: KnownEffect, said: EffectResolution) -> str | None:
    """Tell the runs that wait for it; None if none does."""
    told: str | None = None
    for each in known.asking:
        status = await ask_state(link, each.run.id, dict[str, Any], query="status")
        asked = {effect["key"] for effect in (status or {}).get("effects", [])}
        if each.key not in asked:
            continue
        handle = link.client.get_workflow_handle(each.run.id, first_execution_run_id=each.run.key)
        told = await handle.execute_update("resolve_effect", said, result_type=str)
    return told


async def _tell_record(link: Link, known: KnownEffect, said: EffectResolution) -> str:
    """Put it on record for the next run of the slot; its keeper asks no longer."""
    record = known.record
    early = too_early(said, record.busy_until, now())
    if early:
        raise CommandError(early)
    if known.is_unknown:
        resolved = await EffectRecords(link.store).resolve(record, said, now())
        if resolved is None:
            raise CommandError(f"effect {record.id} has moved on meanwhile: look again")
    for each in known.asking:
        await _close(link, record.agent, each)
    if not known.is_unknown:
        shown = record.resolution.shown if record.resolution else _WORDS[record.stage]
        happened = record.stage is EffectStage.HAPPENED
        if happened is not said.happened:
            raise CommandError(f"effect {record.id} is resolved already: it {shown}")
        return f"effect {record.id} is resolved already: it {shown}"
    return f"effect {record.id} {said.shown}; no run waits for it, the next one goes by it"


async def _close(link: Link, agent: str, effect: OpenEffect) -> None:
    note = EffectNote(effect=effect, open=False)
    keeper = link.client.get_workflow_handle(keeper_id(agent))
    await keeper.execute_update("note_effect", note)


def _print(found: list[KnownEffect]) -> None:
    made = table("EFFECT\ntool", "STAGE\nsaid by", "RUN\nbegun", "TEXT")
    for each in found:
        record = each.record
        by = record.resolution.by if record.resolution else ""
        made.add_row(
            Text(record.id).append(f"\n{record.tool}", "dim"),
            Text(_WORDS[record.stage]).append(f"\n{by}", "dim"),
            Text(record.run.id).append(f"\n{format_time(record.begun_at)}", "dim"),
            Text(record.text),
        )
    print_table(made)
    if any(each.asking for each in found):
        remark("'rota effects resolve ID happened|did-not' says what happened")


for _command in (list_command, resolve_command):
    effects_command.add_command(_command)
