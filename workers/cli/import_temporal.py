"""Schedules of a namespace that are not Rota's, read for `rota import temporal-schedules`."""

from collections.abc import Collection
from dataclasses import dataclass

from temporalio.api.common.v1 import Payload
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow
from temporalio.service import RPCError

from activities.server_errors import is_missing
from activities.side_by_side import side_by_side
from activities.stores.base import KeyNeededError
from rota.visibility import SCHEDULE_MEMO
from schedules.importing.agent_files import AgentFile
from schedules.importing.temporal_schedule import NotExpressibleError, readable, schedule_agent
from schedules.live_holders import noted
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode
from workers.cli.server import Link, with_server
from workers.connection import target_of
from workers.settings import Settings

_READABLE = (b"json/plain", b"binary/null")


@dataclass(frozen=True)
class FoundSchedule:
    """One schedule."""

    id: str
    schedule: Schedule
    address: str
    namespace: str
    is_own: bool
    """True of one that a fleet of Rota's made."""

    def agent(self, taken: Collection[str]) -> AgentFile:
        """Return the agent that does what it does.

        Raises:
            NotExpressibleError: something of it would be lost.
        """
        return schedule_agent(
            self.id,
            self.schedule,
            self._arguments(),
            taken=taken,
            address=self.address,
            namespace=self.namespace,
        )

    def _arguments(self) -> tuple[str, ...]:
        action = self.schedule.action
        if not isinstance(action, ScheduleActionStartWorkflow):
            return ()
        texts: list[bytes] = []
        for argument in action.args:
            assert isinstance(argument, Payload), "a described schedule holds what the server has"
            encoding = argument.metadata.get("encoding", b"")
            if encoding not in _READABLE:
                said = encoding.decode(errors="replace") or "no encoding"
                raise NotExpressibleError(f"an argument of its workflow is not JSON ({said})")
            texts.append(argument.data or b"null")
        return readable(texts)


def found_schedules(settings: Settings, ids: Collection[str]) -> list[FoundSchedule]:
    """Return the schedules named, or all that are not Rota's, by id.

    Raises:
        CommandError: one that is named does not exist, or is Rota's.
    """

    async def read(link: Link) -> list[FoundSchedule]:
        wanted = sorted(set(ids)) or await _listed(link.client)
        address, namespace = target_of(settings)

        async def look(id: str) -> FoundSchedule | None:
            try:
                described = await link.client.get_schedule_handle(id).describe()
            except RPCError as error:
                if is_missing(error):
                    return None
                raise
            try:
                own = bool(await noted(described, SCHEDULE_MEMO))
            except KeyNeededError:
                own = True  # encrypted by a fleet of Rota's, with keys that are not here
            return FoundSchedule(id, described.schedule, address, namespace, own)

        found = dict(zip(wanted, await side_by_side(wanted, look), strict=True))
        for id in ids:
            schedule = found[id]
            if schedule is None:
                raise CommandError(
                    f"no schedule '{id}': see rota import --help, or temporal schedule list",
                    ExitCode.NOT_FOUND,
                )
            if schedule.is_own:
                raise CommandError(f"schedule '{id}' is Rota's own already", ExitCode.WRONG)
        return [one for one in found.values() if one is not None and not one.is_own]

    return with_server(settings, read)


async def _listed(client: Client) -> list[str]:
    return sorted([each.id async for each in await client.list_schedules()])
