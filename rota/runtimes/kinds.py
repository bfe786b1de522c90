"""The kinds of runtimes that come with Rota, in alphabetical order.

Those installed beside it are found by `activities.runtimes.kinds`.
"""

from rota.runtime_specs import (
    agentcore,
    anthropic,
    bedrock,
    bedrock_agent,
    claude_managed,
    command,
    cursor,
    http,
    n8n,
    openai,
    scripted,
)
from rota.runtimes.kind import RuntimeKind

BUILT_IN: dict[str, RuntimeKind] = {
    module.KIND.kind: module.KIND
    for module in (
        agentcore,
        anthropic,
        bedrock,
        bedrock_agent,
        claude_managed,
        command,
        cursor,
        http,
        n8n,
        openai,
        scripted,
    )
}
