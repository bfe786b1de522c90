"""Where a run comes from, as it shows it: on the real server."""

from rota.coordination.lineage import Lineage
from rota.tools import ToolContext, tool
from tests.stack import Stack, script
from workflows.run_kit.visibility import PIPELINE, ROOT


async def test_run_below_another_is_found_by_its_root_and_pipeline(stack: Stack) -> None:
    """All runs of one pipeline run answer to one query; the result tells the whole place."""
    name = stack.name("report")
    lineage = Lineage(root=f"{name}-root", parent=f"{name}-root", pipeline="morning", node="report")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}))
        run = await stack.start(name, f"{name}-1", lineage=lineage.model_dump(mode="json"))
        result = await run.result()
        shown = (await run.describe()).typed_search_attributes
        (entry,) = (await stack.keeper(name)).ledger.values()
    assert (shown.get(ROOT), shown.get(PIPELINE)) == (f"{name}-root", "morning")
    assert result.lineage == lineage
    assert entry.cause == lineage.cause


async def test_run_that_began_by_itself_is_its_own_root(stack: Stack) -> None:
    """So one query finds it with everything that it started."""
    name = stack.name("report")
    async with stack.worker():
        await stack.declare(name, runtime=script({"result": "done"}))
        run = await stack.start(name, f"{name}-1")
        await run.result()
        shown = (await run.describe()).typed_search_attributes
    assert (shown.get(ROOT), shown.get(PIPELINE)) == (f"{name}-1", None)


async def test_runs_for_one_occasion_have_the_same_effects(stack: Stack) -> None:
    """A node that is run again under another id, and without a slot, repeats no effect."""
    keys: list[str] = []

    @tool(name="mail.send", effect="idempotent")
    def send(ctx: ToolContext) -> str:
        """Send."""
        keys.append(ctx.idempotency_key)
        return "sent"

    name = stack.name("mail")
    runtime = script({"calls": [{"tool": "mail.send"}]}, {"result": "done"})
    async with stack.worker([send]):
        await stack.declare(name, runtime=runtime, tools=["mail.send"])
        for number, occasion in enumerate(["night@1/mail", "night@1/mail", "night@2/mail"]):
            lineage = Lineage(root="night", parent="night", occasion=occasion)
            given = lineage.model_dump(mode="json")
            await stack.run(name, f"{name}-{number}", lineage=given)
    assert len(keys) == len(set(keys)) == 2
