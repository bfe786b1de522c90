"""Load a team's own tools: every `@tool` in the fleet's `tools.py`."""

import importlib.util
import sys
from pathlib import Path

from rota.tools import ToolDefinition


class ToolLoadError(Exception):
    """The fleet's `tools.py` cannot be used; the message says where and why."""


def load_tools(fleet: Path) -> dict[str, ToolDefinition]:
    """Import `tools.py` of `fleet` and return its tools by name; empty without the file.

    Modules beside `tools.py` can be imported by it with a plain `import`.

    Raises:
        ToolLoadError: the module fails to import, or two tools share a name.
    """
    path = fleet / "tools.py"
    if not path.exists():
        return {}
    spec = importlib.util.spec_from_file_location("rota_fleet_tools", path)
    if spec is None or spec.loader is None:
        raise ToolLoadError(f"{path}: not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(fleet.resolve()))
    # Dataclasses and pydantic look their module up by name while it is being imported.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        missing = isinstance(error, ModuleNotFoundError)
        cure = "; install it in the environment that rota runs in" if missing else ""
        raise ToolLoadError(f"{path}: {type(error).__name__}: {error}{cure}") from error
    tools: dict[str, ToolDefinition] = {}
    for value in vars(module).values():
        if not isinstance(value, ToolDefinition):
            continue
        if value.name in tools and tools[value.name] is not value:
            raise ToolLoadError(f"{path}: two tools are named '{value.name}'; rename one")
        tools[value.name] = value
    return tools
