"""Schema problems are told with their place, and no schema can make the worker reach out."""

from activities.schema_problems import PROBLEMS_SHOWN, schema_fault, schema_problems
from tests.fakes.loopback_http import Connection, HttpRequest, LoopbackServer


def test_schema_problems_name_the_place_and_the_whole() -> None:
    """A place is a path; what concerns everything is called by its name."""
    schema = {"properties": {"a": {"items": {"type": "integer"}}}, "required": ["b"]}
    assert schema_problems(schema, {"a": [1, "x"]}, whole="the input") == [
        "a/1: 'x' is not of type 'integer'",
        "the input: 'b' is a required property",
    ]


def test_schema_that_names_its_own_draft_is_read_by_that() -> None:
    """Tools of MCP servers are often described by draft 7; without a name it is 2020-12."""
    draft = {"$schema": "http://json-schema.org/draft-07/schema#"}
    pair = {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}
    assert schema_fault(draft | pair) == ""
    (problem,) = schema_problems(draft | pair, ["a", "b"], whole="the pair")
    assert problem == "1: 'b' is not of type 'integer'"
    assert schema_fault(pair)
    for unknown in ("https://example.com/own", 7, {}):
        assert schema_fault({"$schema": unknown} | pair)


def test_schema_problems_are_bounded() -> None:
    """A long list of mistakes does not become a long message."""
    value = [str(number) for number in range(100)]
    problems = schema_problems({"items": {"type": "integer"}}, value, whole="the input")
    assert len(problems) == PROBLEMS_SHOWN


def test_schema_problems_of_a_reference_without_end_are_told() -> None:
    """A schema that refers to itself alone is a problem, not a crash."""
    (problem,) = schema_problems({"$ref": "#"}, {}, whole="the input")
    assert problem.startswith("the input: its schema cannot be applied: RecursionError")


def test_schema_problems_of_a_reference_elsewhere_fetch_nothing() -> None:
    """A worker opens no connection because a schema names an address."""
    asked: list[HttpRequest] = []

    async def answer(request: HttpRequest, connection: Connection) -> None:
        asked.append(request)
        await connection.send_json(200, {"type": "object"}, {})

    server = LoopbackServer(answer)
    server.start()
    try:
        schema = {"$ref": f"http://127.0.0.1:{server.port}/schema"}
        (problem,) = schema_problems(schema, {}, whole="the input")
    finally:
        server.close()
    assert "cannot be applied" in problem
    assert asked == []
