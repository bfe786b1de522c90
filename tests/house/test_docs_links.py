"""Links of the documentation lead somewhere: files that are there, headings that they have."""

import re
from pathlib import Path

import pytest

from tests.house.documentation import FENCE, pages
from tests.house.repository import ROOT, name_of

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """What headings of a page are called in links, as GitHub makes them up."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def broken(page: Path, text: str) -> list[str]:
    """The links in `text`, as it stands in `page`, that lead nowhere."""
    found: list[str] = []
    for link in LINK.findall(FENCE.sub("", text)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", pages(), ids=[name_of(page) for page in pages()])
def test_links_of_a_page_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    """Nobody is sent nowhere."""
    assert broken(page, page.read_text()) == []


def test_link_that_leads_nowhere_is_told() -> None:
    """A page that is missing, and a heading."""
    text = "[a](docs/no-such-page.md) [b](docs/runs.md#no-such-part) [c](docs/runs.md#memory)"
    assert broken(ROOT / "README.md", text) == ["docs/no-such-page.md", "docs/runs.md#no-such-part"]
