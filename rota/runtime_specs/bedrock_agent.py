"""`kind: bedrock-agent`: an agent of Bedrock Agents Classic."""

from typing import Annotated, Literal

from pydantic import Field

from rota.language.forms import Form
from rota.runtime_specs.aws_account import AwsSettings
from rota.runtime_specs.base import SessionSettings
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape

_ID = Form(r"^[0-9a-zA-Z]{1,10}$", "write the id: at most ten letters and digits, no name, no ARN")


class BedrockAgentSettings(AwsSettings, SessionSettings):
    """`kind: bedrock-agent`: an agent of Bedrock Agents Classic.

    What the agent does in its own action groups and knowledge bases stays there. An action
    group that returns control calls this agent's tools here.
    """

    kind: Literal["bedrock-agent"] = "bedrock-agent"
    agent_id: Annotated[str, _ID]
    alias_id: Annotated[str, _ID]
    tools: dict[str, str] = Field(default_factory=dict[str, str])
    """Names of tools by what the agent calls them: `group/function`, `function`, or
    `POST /path` for an API. One that is not here is called by its own name, in which `__`
    stands for a dot."""
    attributes: dict[str, str] = Field(default_factory=dict[str, str])
    """Session attributes, which its Lambda functions see, beside `rota_key`, `rota_run`,
    `rota_agent` and `rota_slot`."""
    repeatable: bool = False
    """Its functions do the work of one `rota_key` once, or the work may be done twice: it is
    called again after the worker that listened was lost."""

    @property
    def is_one_call(self) -> bool:
        """The answer to the call is the result."""
        return True


KIND = RuntimeKind(
    kind="bedrock-agent",
    shape=Shape.SESSION,
    summary="boto3, Bedrock Agents Classic",
    settings=BedrockAgentSettings,
    capabilities=Capabilities(
        find=True,
        stream=True,
        tools=True,
        cancel=True,
        usage=True,
        remains="nobody can be asked for an answer that was lost: it is outcome_unknown, or "
        "asked again if `repeatable`; ending its session is no proof that a call in flight "
        "has stopped; no event is the last one, so a stream with one chunk counts as whole",
    ),
    implementation="activities.runtimes.bedrock_agent:BedrockAgentRuntime",
    priced_as="aws",
)
