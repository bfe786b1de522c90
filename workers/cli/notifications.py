"""`rota notifications`: what each channel was told, and what keeps it from being told more."""

from dataclasses import dataclass
from typing import Any

from rich.text import Text

from rota.ids import NOTIFIER_PREFIX, format_slot
from rota.notices import rules as notifier_rules
from rota.notices.notifier import NotifierState
from workers.cli import roll_call
from workers.cli.options import command, server_options
from workers.cli.output import format_time, print_json, print_table, remark, table
from workers.cli.roll_call import SILENT
from workers.cli.server import Link, with_server
from workers.settings import Settings

NOTIFIERS = "WorkflowType = 'Notifier' AND ExecutionStatus = 'Running'"


@dataclass(frozen=True)
class ChannelView:
    """A channel as it stands now."""

    id: str
    """Workflow id of its notifier."""
    state: NotifierState | None
    """None: no worker answered."""

    @property
    def document(self) -> dict[str, Any]:
        """The channel as `--json` prints it."""
        if self.state is None:
            return {"id": self.id, "note": SILENT}
        state, trouble = self.state, self.state.trouble
        return {
            "id": self.id,
            "channel": state.channel.label,
            "task_queue": state.channel.queue,
            "facts": state.facts,
            "messages": state.messages,
            "last": state.last_sent.isoformat() if state.last_sent else None,
            "waiting": notifier_rules.waiting(state),
            "trouble": trouble.model_dump(mode="json") if trouble else None,
            "note": state.note,
        }


@command(
    "notifications",
    example=("rota notifications", "rota notifications --json"),
    json="[{id, channel, task_queue, facts, messages, last, waiting, trouble: {since, reason, "
    "failures, retry_at} or null, note}]",
)
@server_options
def notifications_command(settings: Settings, as_json: bool) -> None:
    """Show what each channel was told, and what is wrong.

    Channels are those that 'notify' names, from the first fact on until a day has passed
    without any. One that takes nothing stays listed, with the reason, and is tried again.
    """
    views = with_server(settings, _views)
    if as_json:
        print_json([view.document for view in views])
    elif not views:
        remark("no channels: nothing was told lately")
    else:
        _print(views)


async def _views(link: Link) -> list[ChannelView]:
    names = await roll_call.open_names(link.client, NOTIFIERS, NOTIFIER_PREFIX)
    states = await roll_call.states_of(link, NOTIFIER_PREFIX, names, NotifierState)
    roll_call.require_any(link, states.values())
    return [ChannelView(NOTIFIER_PREFIX + name, state) for name, state in states.items()]


def _print(views: list[ChannelView]) -> None:
    right = ("TOLD", "MESSAGES", "WAITING")
    made = table("CHANNEL", "TOLD", "MESSAGES", "LAST", "WAITING", "TROUBLE", right=right)
    for view in views:
        if view.state is None:
            made.add_row(Text(view.id.removeprefix(NOTIFIER_PREFIX)), Text(SILENT, "dim"))
            continue
        state = view.state
        made.add_row(
            Text(state.channel.label),
            Text(str(state.facts)),
            Text(str(state.messages)),
            Text(format_time(state.last_sent)),
            Text(str(notifier_rules.waiting(state))),
            _trouble(state),
        )
    print_table(made)


def _trouble(state: NotifierState) -> Text:
    trouble = state.trouble
    if trouble is None:
        return Text(state.note, "yellow")
    again = f"; tried again {format_slot(trouble.retry_at)}" if state.message else ""
    return Text(f"since {format_slot(trouble.since)}: {trouble.reason}{again}", "red")
