"""Which run a workflow id means, where taking another one for it would be grave."""

from activities.audit.archive_store import archives_named
from activities.audit.executions import described_if_known
from activities.audit.fetching import key_of
from rota.run_ref import RunRef
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.server import Link

RUN_KEY = "--run-key"
RUN_KEY_HELP = "Which run, if its workflow id was used for several."


async def run_named(link: Link, run_id: str, key: str | None) -> RunRef:
    """Return the run that a workflow id means: on the server, or in the archive.

    Args:
        link: To both.
        run_id: Workflow id, which may have been used again.
        key: `RunRef.key` of the one that is meant; None: there must be but one.

    Raises:
        CommandError: neither knows it, exit code 4; it may be one of several, exit code 2.
        temporalio.service.RPCError: the server does not answer.
        activities.stores.base.StoreError: the store does not.
    """
    archived = await archives_named(link.store, run_id)
    known = {each.run.key: f"ended {each.ended:%Y-%m-%d %H:%M}" for each in archived}
    described = await described_if_known(link.client, run_id, key)
    if described is not None:
        known.setdefault(key_of(described), f"began {described.start_time:%Y-%m-%d %H:%M}")
    if key is not None:
        known = {each: when for each, when in known.items() if each == key}
    if not known:
        meant = f" with key {key}" if key else ""
        text = f"no run '{run_id}'{meant} on the server or in the archive"
        raise CommandError(text, ExitCode.NOT_FOUND)
    if len(known) > 1:
        listed = ", ".join(f"{each} ({when})" for each, when in known.items())
        text = f"'{run_id}' was {len(known)} runs: say which with {RUN_KEY}: {listed}"
        raise CommandError(text, ExitCode.WRONG)
    return RunRef(id=run_id, key=next(iter(known)))
