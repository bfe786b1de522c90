"""Pages: what stands in them is escaped, seen, and there."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from workers.pages import environment


def test_page_shows_hostile_text_as_text_and_hidden_signs_as_signs() -> None:
    """Markup of our own stays markup; a name that is not there is an error, not a gap."""
    page = environment("workers.audit", "pages").from_string("{{ told }}{{ ours }}")
    told = page.render(told="<b>\u202e", ours=Markup("<i>"))
    assert "<b>" not in told
    assert "\u202e" not in told
    assert "202e" in told.lower()
    assert told.endswith("<i>")
    with pytest.raises(UndefinedError):
        page.render(told="")
