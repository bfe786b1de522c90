"""What `rota doctor` says of the gateway's secrets: which of them cannot be used on this machine.

A gateway stops at the first that it cannot use; here all of them are told.
"""

from collections.abc import Callable, Iterator

from schedules.fleet import Fleet
from workers.checks import Check
from workers.gateway.access import AccessError, access_with, links_of, readers_with, secret_of
from workers.gateway.doors import door_problems

NAME = "gateway"
_HERE = "127.0.0.1:0"
"""Where it listens is nothing that is looked at."""
_CURE = "set it where 'rota gateway' runs, which does not start without it"
_LINKS_CURE = "set it where 'rota gateway' runs, and where the workers run that send links"


def check_gateway(fleet: Fleet) -> list[Check]:
    """Tell each secret that is not there, or too short; nothing of a fleet that declares none."""
    declared, count = fleet.file.gateway, 0
    wrong: list[Check] = []
    for look, cure in _looks(fleet):
        count += 1
        try:
            look()
        except AccessError as error:
            wrong.append(Check(NAME, False, str(error), cure))
    doors, problems = door_problems(fleet)
    wrong += [Check(NAME, False, problem, _CURE) for problem in problems]
    count += doors
    if wrong or not count:
        return wrong
    at = f", for {declared.url}" if declared.url else ""
    return [Check(NAME, True, f"its secrets can be used here ({count}){at}")]


def _looks(fleet: Fleet) -> Iterator[tuple[Callable[[], object], str]]:
    declared = fleet.file.gateway
    if token := declared.token:
        yield lambda: access_with(secret_of(token, "gateway.token"), _HERE, ""), _CURE
    for name, reference in (declared.decode.readers if declared.decode else {}).items():
        key = f"gateway.decode.readers.{name}"
        yield _reader(name, reference, key), _CURE
    if declared.links is not None:
        # Which namespace they are for changes nothing of the secret.
        yield lambda: links_of(fleet.file, ""), _LINKS_CURE


def _reader(name: str, reference: str, key: str) -> Callable[[], object]:
    return lambda: readers_with({name: secret_of(reference, key)}, _HERE, "")
