"""Pages for people to read, made of what models, tools and strangers wrote.

Worker side. One way of filling templates for all of them: whatever stands in a page is escaped by
Jinja's autoescape and by nothing else, signs that nobody sees are written out, and a name that is
not there is an error.
"""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from workers.cli.hidden_signs import written_out


def environment(package: str, folder: str) -> Environment:
    """Return what fills the templates that lie in a folder of a package."""
    return Environment(
        loader=PackageLoader(package, folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _seen(value: Any) -> Any:
    """What is printed, without signs that nobody sees; markup of ours stays as it is."""
    text = isinstance(value, str) and not hasattr(value, "__html__")
    return written_out(value) if text else value
