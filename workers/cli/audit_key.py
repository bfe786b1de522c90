"""The signing key of a fleet, as commands need it."""

from activities.audit.signing import SigningKeyError, signer_of
from activities.secrets import Secrets
from rota.audit.seals import Signer
from rota.fleet_file import FleetFile
from workers.cli.command_error import CommandError
from workers.cli.exit_codes import ExitCode


def fleet_signer(file: FleetFile) -> Signer | None:
    """Return what signs for a fleet; None if it declares no key.

    Raises:
        CommandError: the key is not there, or is none; exit code 2.
    """
    try:
        return signer_of(file.audit.signing_key, Secrets("this environment"))
    except SigningKeyError as error:
        raise CommandError(str(error), ExitCode.WRONG) from error
