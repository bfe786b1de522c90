"""Reads an answer of any shape by the paths that the agent's `answer` block declares.

For runtimes whose other side was not written for Rota. What is declared and not there, or
of another type, fails by the name of the setting.
"""

import json
from typing import Any

from activities.providers.json_fields import optional_field
from activities.providers.reported_cost import reported_micros
from rota.conversation import Message, StopReason, Text
from rota.failures import FailureCategory, StepError
from rota.language.templates import TemplateError, render
from rota.runtime_specs.answer_paths import AnswerPaths
from rota.runtimes.session import Collected
from rota.usage import Usage


def mapped_answer(document: Any, paths: AnswerPaths, *, vendor: str) -> Collected:
    """Return what `document` says, as the final answer.

    Args:
        document: Plain JSON.
        paths: What stands where.
        vendor: Whose answer it is, as people call it.

    Raises:
        StepError: `tool_failed` if it says that the work failed; `outcome_invalid` if the
            result is missing, or a number is none.
    """
    if failure := error_in(document, paths):
        raise StepError(FailureCategory.TOOL_FAILED, f"{vendor} failed: {failure}")
    model = paths.model and optional_field(document, paths.model, str, vendor)
    return Collected(
        message=answer_message(_result(document, paths.result, vendor)),
        stop=StopReason.END_TURN,
        usage=_usage(document, paths, vendor),
        model=model or "",
    )


def answer_message(result: Any) -> Message:
    """Return `result` as an answer: text as it is, anything else as JSON."""
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return Message(role="assistant", content=(Text(text=text),) if text else ())


def value_at(document: Any, path: str) -> Any:
    """Return what stands at `path`, or None if nothing does."""
    try:
        return render(f"{{document.{path}}}", {"document": document})
    except TemplateError:
        return None


def error_in(document: Any, paths: AnswerPaths) -> str:
    """Return what stands at the path of errors, as text; empty if it is no error."""
    found = value_at(document, paths.error) if paths.error else None
    if not found:
        return ""
    if found is True:
        # A flag says nothing by itself; the result then usually says what happened.
        found = (value_at(document, paths.result) if paths.result else None) or paths.error
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _result(document: Any, path: str | None, vendor: str) -> Any:
    if path is None:
        return document
    found = value_at(document, path)
    if found is None:
        raise StepError(
            FailureCategory.OUTCOME_INVALID,
            f"{vendor}'s answer has nothing at '{path}' (runtime.answer.result); "
            f"{_there(document)}",
        )
    return found


def _there(document: Any) -> str:
    if isinstance(document, dict):
        names = sorted(str(name) for name in document)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return f"it has {', '.join(names[:10]) or 'nothing'}"
    return f"it is {'null' if document is None else type(document).__name__}"


def _usage(document: Any, paths: AnswerPaths, vendor: str) -> Usage | None:
    if not (paths.tells_usage or paths.tells_cost):
        return None

    def tokens(path: str | None) -> int:
        count = (optional_field(document, path, int, vendor) or 0) if path else 0
        if count < 0:
            raise _unusable(vendor, path, "count of tokens")
        return count

    dollars = paths.cost_usd and optional_field(document, paths.cost_usd, float, vendor)
    cost = reported_micros(dollars)
    if cost is None and isinstance(dollars, float):
        raise _unusable(vendor, paths.cost_usd, "amount of dollars")
    return Usage(
        input_tokens=tokens(paths.input_tokens),
        output_tokens=tokens(paths.output_tokens),
        cache_read_tokens=tokens(paths.cache_read_tokens),
        cache_write_tokens=tokens(paths.cache_write_tokens),
        cost_micros=cost,
    )


def _unusable(vendor: str, path: str | None, what: str) -> StepError:
    # A cost or a count below nothing would give the run more to spend.
    return StepError(
        FailureCategory.OUTCOME_INVALID,
        f"{vendor}'s answer has no usable {path}: it is no {what}",
        maybe_billed=True,
    )
