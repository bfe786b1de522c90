"""Measures Rota against a hand-written Temporal loop: `make bench`, or `python -m tests.bench`.

Every ratio is of two sides on one server, in alternating rounds of one process; the
median counts. A miss is printed; with `--strict` it also makes the exit code 1.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter

from tests.bench import (
    account,
    burst,
    clock,
    conversation,
    crash,
    events,
    fallback,
    gate,
    parked,
    pipeline,
    runtimes,
    scale,
    sessions,
    throughput,
    topic,
)
from tests.bench.arena import Arena, open_arena
from tests.bench.measures import Effort, Measure, progress

IN_ARENA: dict[str, Callable[[Arena, Effort], Awaitable[list[Measure]]]] = {
    "events": events.measure,
    "alone": throughput.measure_alone,
    "throughput": throughput.measure,
    "conversation": conversation.measure,
    "crash": crash.measure,
    "pipeline": pipeline.measure,
    "runtimes": runtimes.measure,
    "gate": gate.measure,
}
"""Benchmarks on one common server."""
APART: dict[str, Callable[[Path, Effort], Awaitable[list[Measure]]]] = {
    "account": account.measure,
    "burst": burst.measure,
    "clock": clock.measure,
    "fallback": fallback.measure,
    "parked": parked.measure,
    "scale": scale.measure,
    "sessions": sessions.measure,
    "topic": topic.measure,
}
"""Benchmarks that bring their own."""


async def _measure(names: list[str], effort: Effort, folder: Path) -> list[Measure]:
    measures: list[Measure] = []

    async def take(name: str, measuring: Awaitable[list[Measure]]) -> None:
        print(f"{name}", flush=True)
        began = perf_counter()
        for measure in await measuring:
            measures.append(measure)
            print(measure.line, flush=True)
        progress(f"took {perf_counter() - began:.0f} s")

    if any(name in IN_ARENA for name in names):
        async with open_arena(folder) as arena:
            for name in names:
                if name in IN_ARENA:
                    await take(name, IN_ARENA[name](arena, effort))
    for name in names:
        if name in APART:
            await take(name, APART[name](_made(folder / name), effort))
    return measures


def _new_file(folder: Path) -> float:
    """Seconds it takes to make a file, of which each turn leaves some in the store."""
    began = perf_counter()
    for number in range(100):
        (folder / f"probe-{number}").touch()
    return (perf_counter() - began) / 100


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main() -> int:
    """Run the benchmarks that are asked for; return the exit code."""
    known = [*IN_ARENA, *APART]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(known)}")
    parser.add_argument("--rounds", type=int, default=None, help="interleaved rounds (usually 3)")
    parser.add_argument("--quick", action="store_true", help="under 2 minutes, rough figures")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a target is missed")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(known)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    effort = Effort(rounds=asked.rounds or (1 if asked.quick else 3), quick=asked.quick)
    names = asked.names or known
    # In the checkout, as `rota dev` has it, and not in /tmp: for some minutes after many files
    # were deleted, ext4 takes up to thirty times as long to make a new one beside them.
    home = Path(".rota")
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home) as folder:
        progress(f"a new file takes {_new_file(Path(folder)) * 1e6:.0f} µs on this disk now")
        measures = asyncio.run(_measure(names, effort, Path(folder).absolute()))
    misses = [measure for measure in measures if measure.met is False]
    targets = sum(measure.met is not None for measure in measures)
    print(f"{targets - len(misses)} of {targets} targets met")
    for measure in misses:
        print(measure.line)
    if asked.json is not None:
        document = [measure.document for measure in measures]
        asked.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return 1 if misses and asked.strict else 0


if __name__ == "__main__":
    sys.exit(main())
