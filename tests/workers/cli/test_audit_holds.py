"""Wrong requests about holds and erasure."""

from tests.stack import Stack
from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode


async def test_wrong_requests_about_holds_are_told_in_one_line(stack: Stack) -> None:
    """Nothing named, a time that is none or over, a hold or a run that nobody knows."""
    cases: list[tuple[int, tuple[str, ...], str]] = [
        (ExitCode.WRONG, ("hold", "--reason", "x"), "name a run, or say --agent"),
        (ExitCode.WRONG, ("hold", "--agent", "a", "--until", "soon", "--reason", "x"), "a time"),
        (
            ExitCode.WRONG,
            ("hold", "--agent", "a", "--until", "2020-01-01", "--reason", "x"),
            "over",
        ),
        (ExitCode.WRONG, ("hold", "--agent", "a", "--run-key", "k", "--reason", "x"), "name a run"),
        (ExitCode.NOT_FOUND, ("hold", "no-such-run", "--reason", "x"), "no run 'no-such-run'"),
        (ExitCode.NOT_FOUND, ("release", "nothing", "--reason", "x"), "'rota audit holds' lists"),
        (ExitCode.NOT_FOUND, ("erase", "no-such-run", "--reason", "x"), "no run 'no-such-run'"),
    ]
    for code, arguments, told in cases:
        ended = await rota(
            "audit", *arguments, "--address", stack.address, "--store", stack.store.address
        )
        assert (ended.code, ended.out) == (code, ""), ended.err
        assert told in ended.err
        assert len(ended.err.splitlines()) == 1
