"""Wrong requests about holds and erasure."""

from activities.audit.archive_store import put_archive
from tests.rota.audit.audit_records import record
from tests.stack import Stack, script
from tests.workers.cli.archived_runs import run_rota
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


async def test_hold_is_placed_on_names_alone_that_somebody_knows(stack: Stack) -> None:
    """Of a mistyped one nothing would be kept; one that has not run yet, or is gone, is held."""
    new, gone, typo = stack.name("new"), "held-ledger", "held-ledgr"
    async with stack.worker():
        await stack.declare(new, runtime=script({"result": {}}))
    await put_archive(stack.store, record(1, turns=1).model_copy(update={"agent": gone}))
    hold = ("audit", "hold", "--reason", "suit", "--json", "--agent")
    for name in (new, gone):
        assert (await run_rota(stack, *hold, name)).json["agent"] == name
    for name in (typo, "x" * 1500):
        ended = await run_rota(stack, *hold, name)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (ExitCode.NOT_FOUND, "", 1)
    assert "did you mean 'held-ledger'?" in (await run_rota(stack, *hold, typo)).err
    held = (await run_rota(stack, "audit", "holds", "--json")).json
    assert {typo, "x" * 1500}.isdisjoint({each["agent"] for each in held})
