"""What an agent declares and its runtime cannot do: valid, and of no effect.

No I/O. An agent keeps its declaration when it moves to another kind, so none of this is an
error; but whoever reads the file should not be told of tools that nobody will call.
"""

from collections.abc import Iterator

from activities.runtimes.kinds import runtime_kind
from rota.agent_spec import AgentSpec, Continuing
from schedules.remarks import Remark


def promise_remarks(spec: AgentSpec) -> Iterator[Remark]:
    """Yield a warning for each key that the agent's runtime leaves without effect."""
    kind = runtime_kind(spec.runtime.kind)
    promised = kind.promises(kind.settings.model_validate(spec.runtime.settings))
    see = f"see 'rota runtimes {kind.kind}'"
    if spec.tools and not promised.tools:
        message = f"runtime '{kind.kind}' calls no tools of the agent's, and is told of none; {see}"
        yield Remark("warning", ("tools",), message)
    if spec.session.continuing is Continuing.SAME and not promised.converse:
        message = f"runtime '{kind.kind}' begins anew in each run, with its memory alone; {see}"
        yield Remark("warning", ("session", "continue"), message)
