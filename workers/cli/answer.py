"""`rota answer`: what a run asks people, and the answers it waits for."""

import getpass
import json
from typing import Any

import click
from pydantic import TypeAdapter
from rich.text import Text

from activities.schema_problems import schema_problems
from rota.turns.questions import OpenQuestion, Question, QuestionAnswer, QuestionKind, check_answer
from workers.cli.any_run import describe_open_run
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import format_time, print_json, print_table, remark, table
from workers.cli.person import by_option
from workers.cli.run_input import read_text
from workers.cli.server import Link, with_server
from workers.cli.standing import ask_state
from workers.settings import Settings

_OPEN = TypeAdapter(list[OpenQuestion])


@command(
    "answer",
    example=(
        "rota answer report-2026-11-22T06:00:00Z",
        "rota answer report-2026-11-22T06:00:00Z q1 --yes",
        'rota answer report-2026-11-22T06:00:00Z q1 \'{"region": "north"}\'',
    ),
    json="without an answer [{id, asker, kind, text, json_schema, since, until}], with one "
    "{run, question, told}",
)
@server_options
@click.argument("run_id", metavar="RUN")
@click.argument("question", required=False)
@click.argument("value", required=False, metavar="[VALUE|@FILE]")
@click.option("--yes/--no", "confirmed", default=None, help="Answer a question of yes or no.")
@click.option("--decline", is_flag=True, help="Refuse to answer; whoever asks is told so.")
@click.option("--note", default="", help="Said beside the answer.")
@by_option("Who answers.")
def answer_command(
    settings: Settings,
    run_id: str,
    question: str | None,
    value: str | None,
    confirmed: bool | None,
    decline: bool,
    note: str,
    by: str | None,
    as_json: bool,
) -> None:
    """List what a run asks people, or answer it.

    Without an answer, the open questions are listed; QUESTION alone shows one with the schema
    its answer must fit. VALUE is JSON, or text. QUESTION may be left out with --yes, --no and
    --decline if only one is open. An answer once given stays.
    """
    given = [value is not None, confirmed is not None, decline]
    if sum(given) > 1:
        raise click.UsageError("give one answer: VALUE, --yes, --no or --decline")
    text = None if value is None else read_text(value)

    async def act(link: Link) -> str | None:
        waiting = await _open_questions(link, run_id)
        if not any(given):
            _show(_named(waiting, question) if question else waiting, question, as_json)
            return None
        [found] = _named(waiting, question)
        asked = found.question
        answer = QuestionAnswer(
            question=asked.id,
            value=_value(asked, text) if text is not None else confirmed,
            declined=decline,
            by=by if by is not None else getpass.getuser(),
            note=note,
        )
        _check(asked, answer)
        handle = link.client.get_workflow_handle(run_id)
        told = await handle.execute_update("answer", answer, result_type=str)
        if as_json:
            print_json({"run": run_id, "question": asked.id, "told": told})
        return told

    told = with_server(settings, act)
    if told is not None and not as_json:
        remark(f"{run_id}: {told}")


async def _open_questions(link: Link, run_id: str) -> list[OpenQuestion]:
    await describe_open_run(
        link.client,
        run_id,
        f"asks nothing itself: 'rota show {run_id}' names the runs of its nodes",
        "it asks nothing any more",
    )
    status = await ask_state(link, run_id, dict[str, Any], query="status")
    return _OPEN.validate_python((status or {}).get("questions", []))


def _named(waiting: list[OpenQuestion], id: str | None) -> list[OpenQuestion]:
    """The question of that id, or the only one."""
    listed = ", ".join(each.question.id for each in waiting) or "none"
    found = [each for each in waiting if id in (None, each.question.id)]
    if len(found) == 1:
        return found
    if id is None and found:
        raise CommandError(f"several questions are open: name one of {listed}", ExitCode.WRONG)
    what = f"no question '{id}' is open" if id else "no question is open"
    raise CommandError(f"{what}; open are: {listed}", ExitCode.NOT_FOUND)


def _value(question: Question, text: str) -> Any:
    """Read an answer: JSON, or text where that is what is wanted or all it is."""
    if (question.json_schema or {}).get("type") == "string" and not text.startswith('"'):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check(question: Question, answer: QuestionAnswer) -> None:
    """Tell what is wrong here, where it can be mended at once; the asker checks again."""
    problem = check_answer(question, answer)
    checked = not answer.declined and question.kind is QuestionKind.INPUT
    if not problem and checked and question.json_schema is not None:
        problems = schema_problems(question.json_schema, answer.value, whole="the answer")
        problem = "; ".join(problems)
    if problem:
        raise CommandError(problem, ExitCode.WRONG)


def _show(waiting: list[OpenQuestion], id: str | None, as_json: bool) -> None:
    if as_json:
        print_json([_document(each) for each in waiting])
        return
    if not waiting:
        remark("no question is open")
        return
    made = table("QUESTION\nkind", "FROM\nasks", "SINCE\nuntil")
    for each in waiting:
        asked = each.question
        made.add_row(
            Text(asked.id).append(f"\n{asked.kind.value}", "dim"),
            Text(f"{asked.asker}\n{asked.text}"),
            Text(format_time(each.since)).append(f"\n{format_time(each.until)}", "dim"),
        )
    print_table(made)
    if id is not None and waiting[0].question.json_schema is not None:
        remark("its answer must fit:")
        print_json(waiting[0].question.json_schema)


def _document(waiting: OpenQuestion) -> dict[str, Any]:
    asked = waiting.question.model_dump(mode="json", exclude={"state"})
    return {**asked, **waiting.model_dump(mode="json", exclude={"question"})}
