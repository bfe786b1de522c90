"""Whether checkpoints that follow each other in the store hold. Pure.

By the functions that check what was handed out. Those that were made before there was a signing
key are not signed: the first one that is binds them.
"""

from collections.abc import Sequence

from rota.audit.checkpoints import SignedCheckpoint
from rota.audit.days import read_days
from rota.audit.statements import NOBODY, Trust
from rota.model import canonical_json


def row_problems(row: Sequence[SignedCheckpoint], trust: Trust) -> list[str]:
    """Return what is wrong with checkpoints of one agent, in the order of their days.

    Args:
        row: Of days that follow each other: what lies between two of them is missing.
        trust: Whose keys sign; nobody: a signature must hold by the key that came with it.
    """
    unsigned = next((at for at, each in enumerate(row) if each.signature), len(row))
    problems = [
        f"{_name(each)}: it is not signed, and one before it is"
        for each in row[unsigned:]
        if not each.signature
    ]
    if not trust.keys:
        return [*problems, *_problems(row, NOBODY)]
    leading = row[: unsigned + 1] if unsigned else ()
    return [*problems, *_problems(leading, NOBODY), *_problems(row[unsigned:], trust)]


def _problems(row: Sequence[SignedCheckpoint], trust: Trust) -> list[str]:
    files = {_name(each): canonical_json(each.handed_out) for each in row}
    return read_days(files, trust)[0].problems


def _name(checkpoint: SignedCheckpoint) -> str:
    return f"{checkpoint.checkpoint.agent}/{checkpoint.checkpoint.day}"
