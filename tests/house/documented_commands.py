"""Commands as the documentation writes them, and what click has to say of each.

Two ways of writing. Lines of blocks are meant to be typed, so click parses them whole, types and
all but for files being there. What stands in the text is often a form: `AGENT|--team T`, `…`,
`show|raise`; of it the command and its options must exist.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from tests.house.documentation import FENCE
from tests.house.repository import name_of
from workers.cli.main import rota

SHELLS = ("", "bash", "console", "sh", "text")
"""Languages of blocks that may hold commands."""
PROGRAM = re.compile(r"(?:^|\| )(rota [a-z].*|temporal [a-z].*)")
"""What is called, at the beginning of a line or behind a pipe."""
INLINE = re.compile(r"`((?:crontab -l \\?\| )?rota [a-z][^`]*)`")
OUTPUT = re.compile(r"^rota [a-z]+: |^rota \d")
"""Lines of blocks that begin like a command, and are what one prints."""


@dataclass(frozen=True)
class Command:
    """A command in a page."""

    place: str
    line: str
    typed: bool
    """To be typed as it stands; else a form."""


def commands_in(page: Path) -> Iterator[Command]:
    """Yield every `rota …` and `temporal …` of a page, in order of kind."""
    text = page.read_text()
    for match in FENCE.finditer(text):
        if match[1] in SHELLS:
            first = text.count("\n", 0, match.start(2)) + 1
            for number, line in typed_lines(match[2]):
                yield Command(f"{name_of(page)}:{first + number}", line, typed=True)
    # Blocks become empty lines, so that what follows keeps its number.
    prose = FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    for match in INLINE.finditer(prose):
        line = prose.count("\n", 0, match.start()) + 1
        yield Command(f"{name_of(page)}:{line}", " ".join(match[1].split()), typed=False)


def typed_lines(block: str) -> Iterator[tuple[int, str]]:
    """Yield what is to be typed in a block, with the number of its line from 0.

    In a block with prompts (`$ `) that is what follows them; whatever else it has is output.
    """
    prompts = any(line.startswith("$ ") for line in block.splitlines())
    lines = enumerate(block.splitlines())
    for number, line in lines:
        if prompts and not line.startswith("$ "):
            continue
        whole = line.removeprefix("$ ").strip()
        while whole.endswith("\\"):
            whole = whole[:-1] + next(lines)[1].strip()
        found = PROGRAM.search(whole)
        if found and not OUTPUT.match(whole):
            yield number, found[1]


def words_of(line: str) -> list[str]:
    """A line as a shell takes it apart; what comes behind `>`, `|` or `&&` is not the command's.

    Raises:
        ValueError: quotes that are not closed.
    """
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for word in lexer:
        if set(word) <= set("<>|&;()"):
            break
        words.append(word)
    return words


def refusal_of(line: str) -> str:
    """Return why click would not take a line that is to be typed; empty if it would."""
    try:
        _, *words = words_of(line)
        command: click.Command = rota
        context = click.Context(command, info_name="rota")
        while isinstance(command, click.Group):
            _, words, _ = command.make_parser(context).parse_args(words)
            words = with_default(command, words)
            if not words:
                return f"'{context.command_path}' alone is no command"
            _, found, words = command.resolve_command(context, words)
            assert found is not None, "click raises where there is none"
            command, context = found, click.Context(found, info_name=found.name, parent=context)
        _take(command, context, words)
    except click.UsageError as error:
        return error.format_message()
    except ValueError as error:
        return str(error)
    return ""


def with_default(group: click.Group, words: list[str]) -> list[str]:
    """Put in what a group that reads its words in its own way takes for said: `list`."""
    own = type(group).parse_args is not click.Group.parse_args
    if own and words[:1] not in [[name] for name in group.commands]:
        return ["list", *words]
    return words


def _take(command: click.Command, context: click.Context, words: list[str]) -> None:
    given, rest, order = command.make_parser(context).parse_args(words)
    if rest:
        raise click.UsageError(f"too many arguments: {' '.join(rest)}")
    for parameter in click.core.iter_params_for_processing(order, command.get_params(context)):
        if parameter.is_eager and parameter.expose_value is False:
            continue  # --help, which would print it
        try:
            parameter.handle_parse_result(context, given, [])
        except click.BadParameter as error:
            # The reader's files are not here.
            if not _names_a_file(parameter) or isinstance(error, click.MissingParameter):
                raise


def _names_a_file(parameter: click.Parameter) -> bool:
    return isinstance(parameter.type, click.Path | click.File)


def unknown_in(form: str) -> str:
    """Return what of a form is no command or no option; empty if all is."""
    words = re.sub(r"\\\|", "|", form).replace("[", " ").replace("]", " ").split()
    words = words[words.index("rota") + 1 :]
    command: click.Command = rota
    context = click.Context(command, info_name="rota")
    while words and isinstance(command, click.Group):
        words = with_default(command, words)
        known = {name: command.get_command(context, name) for name in words[0].split("|")}
        for name, found in known.items():
            if found is None:
                # `rota audit …`, or a subcommand that stands for any.
                return "" if name in ("…", "...") else f"there is no command '{name}'"
        (command, *_) = [found for found in known.values() if found is not None]
        context, words = click.Context(command, info_name=command.name, parent=context), words[1:]
    options = {
        name for each in command.get_params(context) for name in (*each.opts, *each.secondary_opts)
    }
    asked = (part.split("=")[0] for word in words for part in word.split("|"))
    missing = [part for part in asked if re.match(r"--?[a-z]", part) and part not in options]
    return f"'{context.command_path}' has no {', '.join(missing)}" if missing else ""
