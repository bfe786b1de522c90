"""`rota locks`: who holds which lock and who waits for it, asked of the locks themselves."""

from dataclasses import dataclass
from typing import Any

import click
from rich.text import Text

from rota.coordination import lock_rules
from rota.coordination.locks import LockState, Waiting
from rota.ids import LOCK_PREFIX, lock_id
from schedules.explain import suggest
from workers.cli import roll_call
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.options import command, server_options
from workers.cli.output import format_time, now, print_json, print_table, remark, table
from workers.cli.roll_call import SILENT
from workers.cli.server import Link, with_server
from workers.cli.standing import ask_state
from workers.settings import Settings

LOCKS = "WorkflowType = 'ResourceLock' AND ExecutionStatus = 'Running'"


@dataclass(frozen=True)
class LockView:
    """A lock as it stands now."""

    name: str
    state: LockState | None
    """None: no worker answered."""

    @property
    def document(self) -> dict[str, Any]:
        """The lock as `--json` prints it."""
        state = self.state or LockState(name=self.name)
        lease = state.lease
        return {
            "lock": self.name,
            "holder": lease.run.id if lease else None,
            "since": lease.since.isoformat() if lease else None,
            "fence": state.fence,
            "queue": [_place(waiting) for waiting in state.queue],
            "granted": state.granted,
            "expired": state.expired,
            "note": SILENT if self.state is None else "",
        }


@command(
    "locks",
    example=("rota locks", "rota locks general-ledger"),
    json="[lock], with NAME the lock alone; lock = {lock, holder, since, fence, queue: "
    "[{run, since, until}], granted, expired, note}",
)
@server_options
@click.argument("name", required=False)
def locks_command(settings: Settings, name: str | None, as_json: bool) -> None:
    """Show who holds each lock, since when, and who waits for it.

    A lock exists from the first run that asked for it. Its fencing number grows with each
    lease.
    """
    if name is not None:
        view = with_server(settings, lambda link: _lock(link, name))
        if as_json:
            print_json(view.document)
        else:
            _print([view])
            _print_queue(view)
        return
    views = with_server(settings, _locks)
    if as_json:
        print_json([view.document for view in views])
    elif not views:
        remark("no locks: no run has asked for one")
    else:
        _print(views)


async def _lock(link: Link, name: str) -> LockView:
    state = await ask_state(link, lock_id(name), LockState)
    if state is None:
        known = await _names(link)
        hint = f"; {suggest(name, known)}" if known else ""
        raise CommandError(f"no run has asked for a lock '{name}' yet{hint}", ExitCode.NOT_FOUND)
    return _as_of_now(name, state)


async def _locks(link: Link) -> list[LockView]:
    states = await roll_call.states_of(link, LOCK_PREFIX, await _names(link), LockState)
    roll_call.require_any(link, states.values())
    return [
        LockView(name, None) if state is None else _as_of_now(name, state)
        for name, state in states.items()
    ]


async def _names(link: Link) -> list[str]:
    return await roll_call.open_names(link.client, LOCKS, LOCK_PREFIX)


def _as_of_now(name: str, state: LockState) -> LockView:
    """Whose wait is over waits no more, even if the lock has not looked at its clock yet."""
    state, _ = lock_rules.turn_away(state, now())
    return LockView(name, state)


def _print(views: list[LockView]) -> None:
    made = table("LOCK", "HOLDER", "SINCE", "FENCE", "QUEUE", right=("FENCE", "QUEUE"))
    for view in views:
        if view.state is None:
            made.add_row(Text(view.name), Text(SILENT, "dim"))
            continue
        lease = view.state.lease
        made.add_row(
            Text(view.name),
            Text(lease.run.id) if lease else Text("free", "dim"),
            Text(format_time(lease.since if lease else None)),
            Text(str(view.state.fence)),
            Text(str(len(view.state.queue))),
        )
    print_table(made)


def _print_queue(view: LockView) -> None:
    if view.state is None or not view.state.queue:
        return
    made = table("PLACE", "WAITING", "SINCE", "UNTIL", right=("PLACE",))
    for place, waiting in enumerate(view.state.queue, start=1):
        since, until = format_time(waiting.since), format_time(waiting.until)
        made.add_row(str(place), Text(waiting.request.run.id), since, until)
    print_table(made)


def _place(waiting: Waiting) -> dict[str, str]:
    return {
        "run": waiting.request.run.id,
        "since": waiting.since.isoformat(),
        "until": waiting.until.isoformat(),
    }
