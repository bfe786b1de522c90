"""What a check of the archive asks of the store is what the page of sizes says."""

import re
from collections import Counter

from activities.audit.verifying import RUNS, TIPS, WRITTEN
from tests.activities.archive.memory_store import MemoryStore
from tests.activities.archive.verifying_bench import Archive
from tests.house.repository import ROOT


async def test_check_asks_the_store_as_often_as_the_page_says() -> None:
    """Of a fleet that has more of everything than one check looks at."""
    store = MemoryStore()
    place = Archive(store)
    for number in range(TIPS + 2):
        await place.grow(3, runs=RUNS // 2, agent=f"agent-{number:02}")
    asked: Counter[str] = Counter()

    def counted(name: str, kind: str) -> None:
        inner = getattr(store, name)

        async def ask(*words: object, **more: object) -> object:
            asked[kind] += 1
            return await inner(*words, **more)

        setattr(store, name, ask)

    for name, kind in (("get", "GET"), ("get_ref", "GET"), ("put", "PUT"), ("set_ref", "PUT")):
        counted(name, kind)
    counted("list_refs", "LIST")
    most: Counter[str] = Counter()
    for _ in range(8):
        asked.clear()
        await place.check(place.runs[:WRITTEN])
        most |= asked
    told = (ROOT / "docs/scale.md").read_text()
    figures = re.search(r"with (\d+) GET, (\d+) LIST and (\d+) PUT", told)
    assert figures is not None
    get, lists, puts = map(int, figures.groups())
    assert (most["GET"], most["LIST"], most["PUT"]) == (get, lists, puts)
