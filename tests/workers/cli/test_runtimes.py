"""`rota runtimes`: the kinds there are, without a server."""

import pytest
from jsonschema import Draft202012Validator

from activities.runtimes.kinds import runtime_kinds
from rota.runtime_kind import Capabilities
from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode


async def test_runtimes_lists_every_kind_with_every_promise() -> None:
    """One row per kind, one column per promise."""
    ended = await rota("runtimes")
    assert ended.code == ExitCode.OK
    rows = ended.out.split("\n\n")[0]
    assert all(kind in rows for kind in runtime_kinds())
    heading = " ".join(rows.upper().split())
    assert all(word in heading for name in Capabilities.names() for word in name.upper().split("_"))


@pytest.mark.parametrize("kind", sorted(runtime_kinds()))
async def test_runtimes_of_one_kind_says_what_remains_and_names_every_key(kind: str) -> None:
    """Whoever declares it needs nothing else."""
    ended = await rota("runtimes", kind)
    assert ended.code == ExitCode.OK
    found = runtime_kinds()[kind]
    printed = " ".join(ended.out.split())
    assert found.capabilities.remains in printed
    first_words = [line.split(" ")[0] for line in ended.out.splitlines()]
    aliases = [f.alias or name for name, f in found.settings.model_fields.items()]
    assert [key for key in aliases if key not in first_words] == []


@pytest.mark.parametrize("kind", sorted(runtime_kinds()))
async def test_runtimes_as_json_carries_a_schema_that_editors_can_use(kind: str) -> None:
    """The schema is valid, closed, and says something of every key that is not plain."""
    (document,) = (await rota("runtimes", kind, "--json")).json
    Draft202012Validator.check_schema(document["settings"])
    assert document["settings"]["additionalProperties"] is False
    assert "kind" in document["settings"]["required"]
    assert set(document["capabilities"]) == set(Capabilities.names())


async def test_runtimes_of_an_unknown_kind_names_those_there_are() -> None:
    """A typo is answered with the list, and exit code 4."""
    ended = await rota("runtimes", "bedrok")
    assert ended.code == ExitCode.NOT_FOUND
    assert "unknown runtime 'bedrok'; known: " in ended.err
    assert ended.out == ""
