"""A worker that dies, as by `kill -9`, at one step of its first effect.

python -m tests.processes.dying_at_effect "after intent" [options of `rota worker`]
"""

import os
import sys

from activities.effect_records import EffectRecords
from activities.tool_attempts import ToolAttempt
from rota.effects.records import EffectRecord, EffectStage
from rota.turns.calls import ResultRef
from workers.cli.main import main


def die_at(step: str) -> None:
    """End this process at `step`."""
    advance, make = EffectRecords.advance, ToolAttempt.make
    words = {EffectStage.INTENT: "intent", EffectStage.HAPPENED: "receipt"}

    async def advance_and_die(self: EffectRecords, record: EffectRecord) -> bool:
        what = words.get(record.stage, "")
        if step == f"before {what}":
            os._exit(137)
        advanced = await advance(self, record)
        if step == f"after {what}":
            os._exit(137)
        return advanced

    async def make_and_die(self: ToolAttempt) -> ResultRef:
        result = await make(self)
        if step == "before result":
            os._exit(137)
        return result

    EffectRecords.advance = advance_and_die
    ToolAttempt.make = make_and_die


if __name__ == "__main__":
    die_at(sys.argv.pop(1))
    sys.argv.insert(1, "worker")
    main()
