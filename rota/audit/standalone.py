"""The verifier as one file: what a bundle carries.

Pure: from the sources of its modules to one that imports the standard library alone.
"""

import ast
from collections.abc import Sequence

MODULES = ("hashing", "ed25519", "statements", "days", "checking", "verify")
"""Of this package, in the order in which they need each other."""
_PACKAGE = "rota.audit"


def standalone(sources: Sequence[str]) -> str:
    """Join the sources of `MODULES`; what they import of each other is left out.

    The docstring of the last comes first: it says how the file is used.
    """
    docstring = ast.get_docstring(ast.parse(sources[-1]), clean=False) or ""
    parts = [f'"""{docstring}"""\n\n# ruff: noqa\n', *(_body(source) for source in sources)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _body(source: str) -> str:
    """Return a module without its docstring and its imports of this package."""
    lines = source.splitlines()
    for number, node in enumerate(ast.parse(source).body):
        own = isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE)
        if own or number == 0:
            for line in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[line] = ""
    return "\n".join(lines)
