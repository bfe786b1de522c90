"""What `rota doctor` says of the gateway's secrets: which of them cannot be used on this machine.

A gateway stops at the first that it cannot use; here all of them are told. Elsewhere, as where
workers run, its secrets need not be: that they are not is no fault, unless workers read them, too.
"""

from collections.abc import Callable, Iterator

from activities.secrets import AbsentSecretError
from schedules.fleet import Fleet
from workers.checks import Check
from workers.gateway.access import AccessError, access_with, links_of, readers_with, secret_of
from workers.gateway.doors import door_problems

NAME = "gateway"
_HERE = "127.0.0.1:0"
"""Where it listens is nothing that is looked at."""
_CURE = "set it where 'rota gateway' runs, which does not start without it"
_LINKS_CURE = "set it where 'rota gateway' runs, and where the workers run that send links"


def check_gateway(fleet: Fleet, *, runs_here: bool) -> list[Check]:
    """Tell each secret that cannot be used; nothing of a fleet that declares none.

    Args:
        fleet: Whose gateway it is.
        runs_here: One that is not there is missing; else it is only counted.
    """
    declared, count = fleet.file.gateway, 0
    problems: list[tuple[Exception, str]] = []
    for look, cure in _looks(fleet):
        count += 1
        try:
            look()
        except AccessError as error:
            problems.append((error, cure))
    doors, shut = door_problems(fleet)
    problems += [(error, _CURE) for error in shut]
    count += doors
    absent = 0 if runs_here else sum(_may_be_absent(*problem) for problem in problems)
    wrong = [
        Check(NAME, False, str(error), cure)
        for error, cure in problems
        if runs_here or not _may_be_absent(error, cure)
    ]
    if absent:
        found = (
            f"{absent} of its {count} secrets are not here: they are needed only where "
            "'rota gateway' runs (look there with 'rota doctor --gateway')"
        )
        return [*wrong, Check(NAME, True, found)]
    if wrong or not count:
        return wrong
    at = f", for {declared.url}" if declared.url else ""
    return [Check(NAME, True, f"its secrets can be used here ({count}){at}")]


def _may_be_absent(error: Exception, cure: str) -> bool:
    """True if all that is wrong is that it is not here, where no gateway need run."""
    return cure is not _LINKS_CURE and isinstance(error.__cause__, AbsentSecretError)


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
