"""The site's navigation, read off docs/README.md: a page that is not listed there has no place.

A hook of MkDocs. Pages in a folder stand below the page of that name (`runtimes/` below
`runtimes.md`), or below the folder's own name where there is none (`runbooks/`). Links to files
beside docs/ become words, since the site does not have these.
"""

import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)[^)]*\)")
LISTED = re.compile(r"^- \[(.+?)\]\(([\w-]+\.md)\)", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Set the navigation; MkDocs warns of pages that it leaves out."""
    config.nav = navigation(Path(config.docs_dir))
    return config


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Write out links that would lead out of the site, as names of files in the repository."""
    docs = Path(config.docs_dir).resolve()
    folder = (docs / page.file.src_uri).parent

    def written(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        if target.is_relative_to(docs):
            return link[0]
        return f"{link[1]} (`{target.relative_to(docs.parent)}` in the repository)"

    return LINK.sub(written, markdown)


def navigation(docs: Path) -> list[dict[str, Any]]:
    """Return what MkDocs takes for `nav`."""
    folders = {
        folder.name: [{title_of(page): page.relative_to(docs).as_posix()} for page in pages]
        for folder in sorted(docs.iterdir())
        if folder.is_dir() and (pages := sorted(folder.glob("*.md")))
    }
    entries: list[dict[str, Any]] = [{"Contents": "README.md"}]
    for title, page in LISTED.findall((docs / "README.md").read_text()):
        below = folders.pop(page.removesuffix(".md"), None)
        entries.append({title: [{title: page}, *below] if below else page})
    return entries + [{name.capitalize(): pages} for name, pages in folders.items()]


def title_of(page: Path) -> str:
    """Return the page's first heading."""
    first = re.search(r"^# (.+)$", page.read_text(), re.MULTILINE)
    return first[1].replace("`", "") if first else page.stem
