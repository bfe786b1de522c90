"""What a model reads of a server's result. Pure."""

import base64

import mcp_types as types
import pytest

from activities.mcp.results import RESULT_LIMIT, result_text

SHELF = base64.b64encode(b"PNG" * 100).decode()


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (types.CallToolResult(content=[]), "(no content)"),
        (types.CallToolResult(content=[], is_error=True), "the tool failed"),
        (
            types.CallToolResult(
                content=[types.TextContent(text="a"), types.TextContent(text="b")]
            ),
            "a\nb",
        ),
        (
            types.CallToolResult(
                content=[types.TextContent(text='{"a": 1}')], structured_content={"a": "ü"}
            ),
            '{"a": "ü"}',
        ),
        (
            types.CallToolResult(
                content=[types.TextContent(text="it broke")],
                structured_content={"a": 1},
                is_error=True,
            ),
            "it broke",
        ),
        (
            types.CallToolResult(
                content=[types.ImageContent(data=SHELF, mime_type="image/png")],
                structured_content={"shelf": 1},
            ),
            '{"shelf": 1}\n[image image/png, 300 bytes: not shown]',
        ),
        (
            types.CallToolResult(
                content=[
                    types.ResourceLink(name="list", uri="file:///list", description="all boxes"),
                    types.EmbeddedResource(
                        resource=types.TextResourceContents(uri="file:///a", text="boxes")
                    ),
                    types.EmbeddedResource(
                        resource=types.BlobResourceContents(uri="file:///b", blob=SHELF)
                    ),
                ]
            ),
            "[link to list at file:///list: all boxes]\n[resource file:///a]\nboxes\n"
            "[resource file:///b, 300 bytes: not shown]",
        ),
    ],
)
def test_result_is_text_without_anything_missing(result: types.CallToolResult, text: str) -> None:
    """Structure is preferred, errors are told in words, what is no text is named."""
    assert result_text(result) == text


def test_result_that_is_too_long_is_cut_and_says_so() -> None:
    """A model learns that there is more."""
    long = "x" * (RESULT_LIMIT + 1)
    text = result_text(types.CallToolResult(content=[types.TextContent(text=long)]))
    assert text.startswith("x" * RESULT_LIMIT + "\n[cut: the first")
    assert f"of {RESULT_LIMIT + 1} characters" in text
