"""The tool decorator: what the model sees, and which functions cannot be tools."""

import inspect
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from rota.tools import Effect, Reconciled, ToolContext, ToolDefinition, tool


@tool(name="ledger.match", effect="idempotent", timeout="2m")
def match(
    ctx: ToolContext,
    account: str,
    limit: Annotated[int, Field(ge=1, description="At most so many.")] = 100,
    mode: Literal["exact", "near"] = "exact",
) -> dict[str, Any]:
    """Match open entries.

    More about it.
    """
    return {"agent": ctx.agent, "account": account, "limit": limit, "mode": mode}


def context() -> ToolContext:
    """A context without a run."""
    return ToolContext(
        idempotency_key="k",
        agent="a",
        run_id="r",
        slot=None,
        fleet=Path(),
        input={},
        heartbeat=lambda text: None,
        log=logging.getLogger("t"),
        secrets=lambda reference: reference,
    )


def test_tool_schema_is_the_signature_without_the_context() -> None:
    """Name, docstring, types, bounds and defaults reach the model; the context does not."""
    schema = match.schema
    assert (schema.name, schema.description) == (
        "ledger.match",
        "Match open entries.\n\nMore about it.",
    )
    assert schema.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["account"],
        "properties": {
            "account": {"title": "Account", "type": "string"},
            "limit": {
                "title": "Limit",
                "type": "integer",
                "minimum": 1,
                "default": 100,
                "description": "At most so many.",
            },
            "mode": {
                "title": "Mode",
                "type": "string",
                "enum": ["exact", "near"],
                "default": "exact",
            },
        },
    }
    assert (match.effect, match.timeout) == (Effect.IDEMPOTENT, timedelta(minutes=2))
    assert match.context_parameter == "ctx"


def test_tool_arguments_refuse_what_the_schema_does_not_name() -> None:
    """An invented argument is an error for the model to read, not silently dropped."""
    with pytest.raises(ValidationError, match="Extra inputs"):
        match.arguments.model_validate({"account": "x", "acount": "y"})


def test_tool_stays_callable_as_the_function_it_is() -> None:
    """A tool is tested as plain code."""
    assert match(context(), "x")["limit"] == 100


def test_tool_defaults_are_a_read_of_a_minute_named_after_its_function() -> None:
    """The harmless defaults."""

    @tool()
    async def look_up() -> int:
        """Look."""
        return 1

    assert (look_up.name, look_up.effect, look_up.timeout) == (
        "look_up",
        Effect.READ,
        timedelta(minutes=1),
    )
    assert look_up.context_parameter is None
    assert inspect.iscoroutinefunction(look_up.function)


def test_tool_finds_an_optional_context() -> None:
    """A context with a default, for calls in plain code, is a context all the same."""

    @tool()
    def act(text: str, context: ToolContext | None = None) -> str:
        """Act."""
        return text

    assert act.context_parameter == "context"
    assert list(act.arguments.model_fields) == ["text"]


def undocumented(a: int) -> int:  # noqa: D103 - what the test is about
    return a


def untyped(a) -> int:
    """Doc."""
    return a


def variadic(*a: int) -> int:
    """Doc."""
    return sum(a)


def keyed(**a: int) -> int:
    """Doc."""
    return sum(a.values())


def positional(a: int, /) -> int:
    """Doc."""
    return a


def private(_a: int) -> int:
    """Doc."""
    return _a


def taken(model_config: int) -> int:
    """Doc."""
    return model_config


def unknown(a: "Nowhere") -> int:  # type: ignore[name-defined]  # noqa: F821
    """Doc."""
    return 1


def strange(a: logging.Logger) -> int:
    """Doc."""
    return 1


def calling(a: Callable[[], int]) -> int:
    """Doc."""
    return a()


def twice(a: ToolContext, b: ToolContext) -> int:
    """Doc."""
    return 1


REFUSED = [
    (undocumented, "tool undocumented: add a docstring"),
    (untyped, "tool untyped: give the argument 'a' a type"),
    (variadic, "name each argument"),
    (keyed, "name each argument"),
    (positional, "remove the '/'"),
    (private, "cannot be named '_a'"),
    (taken, "cannot be named 'model_config'"),
    (unknown, "an annotation names an unknown type"),
    (strange, "the argument 'a' has a type that JSON cannot carry"),
    (calling, "the argument 'a' has a type that JSON cannot carry"),
    (twice, "one ToolContext is enough"),
]


@pytest.mark.parametrize(("function", "words"), REFUSED, ids=lambda v: getattr(v, "__name__", ""))
def test_tool_of_an_unusable_function_is_refused_by_name(
    function: Callable[..., Any], words: str
) -> None:
    """What the model could not use is refused when it is declared, not when it is called."""
    with pytest.raises(TypeError) as caught:
        tool()(function)
    assert words in str(caught.value)
    assert function.__name__ in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "ledger post"}, "a name is words joined by dots"),
        ({"name": ".post"}, "a name is words joined by dots"),
        ({"effect": "wirte"}, "effect is read, idempotent, write, not 'wirte'"),
        ({"effect": "write", "refresh": True}, "refresh is for effect='idempotent'"),
        ({"timeout": "soon"}, "'soon' is not a duration"),
        ({"timeout": "0s"}, "leaves no time"),
    ],
)
def test_tool_with_bad_options_is_refused(options: dict[str, Any], words: str) -> None:
    """Each option's error says what it may be."""
    with pytest.raises(ValueError, match=re.escape(words)):
        tool(**options)(plain)


def plain(a: int = 1) -> int:
    """Doc."""
    return a


def test_reconcile_that_takes_what_the_tool_does_not_is_refused() -> None:
    """It could never be called: said when the module is loaded, not when it is needed."""

    def look(context: ToolContext, invoice: str) -> Reconciled:
        return Reconciled(None)

    def post(context: ToolContext, account: str) -> str:
        """Post."""
        return account

    with pytest.raises(TypeError, match="reconcile takes 'invoice', which is no argument"):
        tool(name="books.post", effect="write", reconcile=look)(post)


def test_tool_definition_is_what_the_decorator_returns() -> None:
    """The name in the module is the definition: that is how a fleet's tools are found."""
    assert isinstance(match, ToolDefinition)
