"""The documentation as a site: built without a warning, whole, and from nowhere but here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.documentation import pages
from tests.house.repository import ROOT

SETTINGS = ROOT / "deploy" / "site" / "mkdocs.yml"
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]+src=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link[^>]+href=["']?((?:https?:)?//[^"'\s>]+)"""
)
"""What a browser would fetch from elsewhere as it shows a page."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a link that leads nowhere is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(
        [*command, "--config-file", str(SETTINGS)],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_site_has_every_page(site: Path) -> None:
    """What is in docs/ is in the site, and can be reached from its navigation."""
    docs = ROOT / "docs"
    written = [page.relative_to(docs) for page in pages() if page.is_relative_to(docs)]
    assert len(written) > 30
    home = (site / "index.html").read_text()
    for page in written:
        if page.name != "README.md":
            assert f'href="{page.with_suffix(".html")}"' in home, f"{page} is not in docs/README.md"


def test_links_of_the_site_lead_to_what_it_has(site: Path) -> None:
    """Files beside docs/ are no part of it: whoever reads it elsewhere would find nothing."""
    dead = [
        f"{page.name}: {target}"
        for page in site.rglob("*.html")
        for target in re.findall(r'href="(?!https?:|mailto:|#)([^"#]+)', page.read_text())
        if page.name != "404.html" and not (page.parent / target).exists()
    ]
    assert not dead


def test_site_asks_nobody_for_anything(site: Path) -> None:
    """No script, style, font or picture comes from elsewhere: it can be read offline."""
    shown = {page.name: LOADED.findall(page.read_text()) for page in site.rglob("*.html")}
    assert shown
    assert not {name: found for name, found in shown.items() if found}
