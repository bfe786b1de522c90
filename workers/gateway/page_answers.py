"""Pages as answers: filled by `workers.pages`, and shut in by their headers.

Nothing on them comes from elsewhere, no script runs, no other page may frame them, nothing of them
is kept or handed on, and the only style is the one whose digest the policy names.
"""

import base64
import hashlib
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from starlette.responses import Response

from rota.ids import format_slot
from workers.pages import environment

PAGES = resources.files("workers.gateway.pages")


def page(
    template: str,
    status: int = 200,
    *,
    forms: bool = False,
    headers: Mapping[str, str] | None = None,
    **document: Any,
) -> Response:
    """Return a filled template.

    Args:
        template: Its name.
        status: Of the answer.
        forms: The page may send a form, to where it came from.
        headers: More of them.
        document: What the template names.
    """
    text = _environment().get_template(template).render(style=Markup(_style()), **document)
    # Half of a surrogate pair cannot be sent.
    body = text.encode(errors="replace")
    sent = {"Content-Security-Policy": _policy(forms=forms), **_HEADERS, **(headers or {})}
    return Response(body, status, sent, media_type="text/html; charset=utf-8")


def told(
    status: int,
    title: str,
    *texts: str,
    again: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a page that says one thing; `again` offers to look once more."""
    return page("told.html.j2", status, headers=headers, title=title, texts=texts, again=again)


_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


def _policy(*, forms: bool) -> str:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    actions = "'self'" if forms else "'none'"
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        f"form-action {actions}; frame-ancestors 'none'"
    )


@cache
def _style() -> str:
    return (PAGES / "style.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    made = environment("workers.gateway", "pages")
    made.filters |= {"clock": _clock, "iso": format_slot, "quoted": shlex.quote}
    return made


def _clock(at: datetime) -> str:
    """`2026-11-22 06:00:05`, as the page's foot says in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
