"""Every bench there is: one class per runtime and mode, found by the names of their modules."""

import importlib
import inspect
from pathlib import Path

from rota.runtimes.kind import Capabilities, Shape
from tests.contract.bench import RuntimeBench

Benches = list[type[RuntimeBench]]


def _found() -> Benches:
    found: Benches = []
    for file in sorted(Path(__file__).parent.glob("*_bench.py")):
        module = importlib.import_module(f"tests.contract.{file.stem}")
        found += [
            member
            for _, member in inspect.getmembers(module, inspect.isclass)
            if member.__module__ == module.__name__
            and issubclass(member, RuntimeBench)
            and not inspect.isabstract(member)
        ]
    return found


BENCHES: Benches = _found()


def name_of(bench: type[RuntimeBench]) -> str:
    """How a bench is called in the names of tests."""
    return bench.__name__.removesuffix("Bench")


def sessions() -> Benches:
    """Those whose runtimes work by themselves."""
    return [bench for bench in BENCHES if bench.kind.shape is Shape.SESSION]


def models() -> Benches:
    """Those whose runtimes answer turn by turn."""
    return [bench for bench in BENCHES if bench.kind.shape is Shape.MODEL]


def promises(bench: RuntimeBench) -> Capabilities:
    """What the runtime promises with the bench's settings."""
    kind = bench.kind
    if kind.promised is None:
        return kind.capabilities  # without settings, which a script may still be missing in
    return kind.promises(kind.settings.model_validate(bench.settings()))
