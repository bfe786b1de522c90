"""The verifier that goes into each bundle, put together from the package's own sources."""

from functools import cache
from importlib import resources

from rota.audit.standalone import MODULES, standalone


@cache
def verifier() -> str:
    """Return the source of `verify.py`."""
    folder = resources.files("rota.audit")
    return standalone([(folder / f"{name}.py").read_text(encoding="utf-8") for name in MODULES])
