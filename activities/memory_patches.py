"""Calls of `memory.update`: checked against what the turn's other updates leave, and put by.

Activity side. They take effect when the run succeeds; see `rota.turns.memory`.
"""

from activities.documents import get_json, get_memory
from activities.stores.base import ObjectStore
from activities.tool_attempts import error_result
from activities.tools.builtin import MEMORY_UPDATE, memory_update
from activities.tools.call import check_arguments
from rota.conversation import ToolCall
from rota.model import canonical_json
from rota.steps import ToolInput
from rota.turns.calls import ResultRef
from rota.turns.memory import apply_patches
from rota.turns.transcript import RunContext


async def patch_memory(
    store: ObjectStore, input: ToolInput, context: RunContext, calls: tuple[ToolCall, ...]
) -> ResultRef:
    """Put the patch of the call `input.index` in the store, if it can be applied.

    Args:
        store: Holds the memory, and the patches of the turns before.
        input: Of the call.
        context: Of the run.
        calls: All calls of the turn.

    Returns:
        The result, with the digest of the patch; or an error that the model reads.
    """
    memory = await get_memory(store, context.memory)
    document = memory.document if memory else {}
    patches = [await get_json(store, digest) for digest in input.patches]
    refusal: ValueError | None = None
    # Of this turn's updates too, each in turn by the same rule: they run at the same time,
    # and their patches are applied one after the other.
    for call in calls[: input.index + 1]:
        if call.name != MEMORY_UPDATE:
            continue
        try:
            check_arguments(memory_update, call.args)
            apply_patches(document, [*patches, call.args["patch"]])
        except ValueError as error:
            refusal = error
        else:
            refusal = None
            patches.append(call.args["patch"])
    if refusal is not None:
        return await error_result(store, input.index, str(refusal))
    patch = await store.put(canonical_json(patches[-1]))
    answer = await store.put(b"noted; it takes effect when the run succeeds")
    return ResultRef(index=input.index, digest=answer, patch=patch)
