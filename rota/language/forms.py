"""Text of a given form: a pattern for machines and, when it does not fit, words for people.

Part of the shared language. Pydantic's own `pattern` answers with the regular expression;
whoever writes a declaration wants to be told what to write instead.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Form:
    """In `Annotated[str, Form(pattern, wanted)]`: the whole text must match.

    JSON Schemas carry the pattern, so editors check it too.
    """

    pattern: str
    """A regular expression, with `^` and `$`: schemas do not anchor it."""
    wanted: str
    """What to write, as an order: `write env:NAME`. The text itself stays out of the message:
    it may be a secret in the wrong place."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check after the text is known to be one."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add the pattern."""
        return {**handler(schema), "pattern": self.pattern}

    def _check(self, value: str) -> str:
        # `$` alone lets a line break at the end pass.
        if not re.fullmatch(self.pattern, value):
            raise ValueError(self.wanted)
        return value
