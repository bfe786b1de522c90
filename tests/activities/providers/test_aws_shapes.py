"""What the AWS runtimes rely on in the installed botocore, by name.

A new version that renames an operation, a member or an exception fails here, saying which,
rather than at a run that reads nothing where something was.
"""

from typing import Any

import botocore.session
import pytest
from botocore.eventstream import EventStream
from botocore.response import StreamingBody
from urllib3.response import HTTPResponse

from activities.providers import aws_errors
from activities.providers.aws_clients import operation
from activities.providers.aws_errors import code_of
from activities.providers.aws_threads import raw_of
from activities.runtimes import agentcore_harness, bedrock_messages
from rota.failures import StepError

CONVERSE_IN = (
    "modelId",
    "messages.role",
    "messages.content.text",
    "messages.content.cachePoint.type",
    "messages.content.reasoningContent.reasoningText.signature",
    "messages.content.reasoningContent.redactedContent",
    "messages.content.toolUse.toolUseId",
    "messages.content.toolUse.name",
    "messages.content.toolUse.input",
    "messages.content.toolUse.type",
    "messages.content.toolResult.toolUseId",
    "messages.content.toolResult.content.text",
    "messages.content.toolResult.status",
    "system.text",
    "system.cachePoint.type",
    "inferenceConfig.maxTokens",
    "toolConfig.tools.toolSpec.name",
    "toolConfig.tools.toolSpec.description",
    "toolConfig.tools.toolSpec.inputSchema.json",
    "toolConfig.tools.cachePoint.type",
    "outputConfig.effort",
    "additionalModelRequestFields",
    "guardrailConfig.guardrailIdentifier",
    "guardrailConfig.guardrailVersion",
    "guardrailConfig.trace",
)
USAGE = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
STREAM = (
    "messageStart.role",
    "contentBlockStart.contentBlockIndex",
    "contentBlockStart.start.toolUse.toolUseId",
    "contentBlockStart.start.toolUse.name",
    "contentBlockStart.start.toolUse.type",
    "contentBlockDelta.contentBlockIndex",
    "contentBlockDelta.delta.text",
    "contentBlockDelta.delta.toolUse.input",
    "contentBlockDelta.delta.reasoningContent.text",
    "contentBlockDelta.delta.reasoningContent.signature",
    "contentBlockDelta.delta.reasoningContent.redactedContent",
    "contentBlockStop.contentBlockIndex",
    "messageStop.stopReason",
    *(f"metadata.usage.{name}" for name in USAGE),
)
TRACE = "completion.trace.trace"
MODEL_CALLS = (
    "preProcessingTrace",
    "orchestrationTrace",
    "postProcessingTrace",
    "routingClassifierTrace",
)
RELIED_ON: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("bedrock-runtime", "Converse"): (
        CONVERSE_IN,
        (
            "output.message.content.text",
            "stopReason",
            *(f"usage.{name}" for name in USAGE),
            "trace.guardrail.actionReason",
            "trace.promptRouter.invokedModelId",
        ),
    ),
    ("bedrock-runtime", "ConverseStream"): (
        CONVERSE_IN,
        (
            *(f"stream.{name}" for name in STREAM),
            "stream.metadata.trace.guardrail.actionReason",
            "stream.metadata.trace.promptRouter.invokedModelId",
        ),
    ),
    ("bedrock-agentcore", "InvokeAgentRuntime"): (
        ("agentRuntimeArn", "runtimeSessionId", "payload", "contentType", "accept", "qualifier"),
        ("response", "contentType"),
    ),
    ("bedrock-agentcore", "StopRuntimeSession"): (
        ("agentRuntimeArn", "runtimeSessionId", "clientToken", "qualifier"),
        (),
    ),
    ("bedrock-agentcore", "InvokeHarness"): (
        (
            "harnessArn",
            "runtimeSessionId",
            "qualifier",
            "messages.content.toolUse.input",
            "messages.content.toolResult.content.text",
            "messages.content.toolResult.status",
            "systemPrompt.text",
            "model.bedrockModelConfig.modelId",
            "tools.type",
            "tools.name",
            "tools.config.inlineFunction.description",
            "tools.config.inlineFunction.inputSchema",
            "allowedTools",
            "maxIterations",
            "maxTokens",
            "timeoutSeconds",
            "actorId",
        ),
        (*(f"stream.{name}" for name in STREAM), "stream.hookEvent.name"),
    ),
    ("bedrock-agent-runtime", "InvokeAgent"): (
        (
            "agentId",
            "agentAliasId",
            "sessionId",
            "inputText",
            "enableTrace",
            "endSession",
            "sessionState.sessionAttributes",
            "sessionState.invocationId",
            *(
                f"sessionState.returnControlInvocationResults.{kind}.{name}"
                for kind in ("functionResult", "apiResult")
                for name in ("actionGroup", "agentId", "responseBody", "responseState")
            ),
            "sessionState.returnControlInvocationResults.functionResult.function",
            "sessionState.returnControlInvocationResults.apiResult.apiPath",
            "sessionState.returnControlInvocationResults.apiResult.httpMethod",
            "sessionState.returnControlInvocationResults.apiResult.httpStatusCode",
        ),
        (
            "completion.chunk.bytes",
            "completion.returnControl.invocationId",
            *(
                f"completion.returnControl.invocationInputs.{name}"
                for name in (
                    "functionInvocationInput.actionGroup",
                    "functionInvocationInput.function",
                    "functionInvocationInput.parameters.value",
                    "functionInvocationInput.actionInvocationType",
                    "apiInvocationInput.apiPath",
                    "apiInvocationInput.httpMethod",
                    "apiInvocationInput.requestBody.content",
                )
            ),
            *(f"{TRACE}.{name}.modelInvocationInput.foundationModel" for name in MODEL_CALLS),
            *(
                f"{TRACE}.{name}.modelInvocationOutput.metadata.usage.{count}"
                for name in MODEL_CALLS
                for count in ("inputTokens", "outputTokens")
            ),
            f"{TRACE}.failureTrace.failureReason",
            f"{TRACE}.orchestrationTrace.invocationInput.actionGroupInvocationInput.function",
            f"{TRACE}.orchestrationTrace.invocationInput.actionGroupInvocationInput"
            ".actionGroupName",
        ),
    ),
    ("sts", "GetCallerIdentity"): ((), ("Arn",)),
}


def service(name: str) -> Any:
    """The installed model of a service."""
    return botocore.session.get_session().get_service_model(name)


def missing(shape: Any, path: str) -> str:
    """The part of `path` that is not there, or nothing."""
    for name in path.split("."):
        while shape.type_name == "list":
            shape = shape.member
        if shape.type_name != "structure" or name not in shape.members:
            return f"{path}: {shape.name} has no {name}"
        shape = shape.members[name]
    return ""


@pytest.mark.parametrize(("what", "members"), RELIED_ON.items(), ids=map(".".join, RELIED_ON))
def test_botocore_has_every_member_that_is_used(
    what: tuple[str, str], members: tuple[tuple[str, ...], tuple[str, ...]]
):
    """Each operation has what we send and what we read, under the same names."""
    asked, read = members
    model = service(what[0]).operation_model(what[1])
    lost = [missing(model.input_shape, path) for path in asked]
    lost += [missing(model.output_shape, path) for path in read]
    assert not any(lost), "\n".join(filter(None, lost))


def codes(shape: Any) -> set[str]:
    """Errors that an operation, or its stream, may have."""
    return {error.name for error in shape.error_shapes} | {
        name
        for member in shape.output_shape.members.values()
        if member.type_name == "structure"
        for name, part in member.members.items()
        if getattr(part, "metadata", {}).get("exception")
    }


@pytest.mark.parametrize("what", [key for key in RELIED_ON if key[0] != "sts"], ids=".".join)
def test_every_modelled_error_is_classified_by_its_code(what: tuple[str, str]):
    """No error that AWS declares is left to its status, in whichever case it is written."""
    found = codes(service(what[0]).operation_model(what[1]))
    assert len(found) >= 7
    unknown = {
        name
        for name in found
        if code_of(aws_errors.aws.ClientError({"Error": {"Code": name}}, "x"))
        not in aws_errors._BY_CODE
    }
    assert not unknown


@pytest.mark.parametrize(
    ("name", "shape", "known"),
    [
        (
            "bedrock-runtime",
            "StopReason",
            {*bedrock_messages._STOP_REASONS, *bedrock_messages._MALFORMED},
        ),
        (
            "bedrock-agentcore",
            "HarnessStopReason",
            {*agentcore_harness._STOPS, *agentcore_harness._FAILURES},
        ),
    ],
)
def test_every_stop_reason_is_known(name: str, shape: str, known: set[str]):
    """A new reason to stop is decided upon here, not met in a run."""
    assert set(service(name).shape_for(shape).enum) == known


def test_streams_give_their_pieces_and_their_socket():
    """The one private name that is used of botocore, and what is asked of urllib3 behind it."""
    raw = HTTPResponse(body=b"")
    for body in (StreamingBody(raw, 0), EventStream(raw, None, None, "x")):
        assert raw_of(body) is raw
    assert callable(raw.shutdown)
    assert callable(raw.stream)


def test_operation_that_is_not_there_is_named():
    """A boto3 that is too old is told from a mistake of ours."""
    with pytest.raises(StepError, match="has no invoke_harness; install boto3"):
        operation(object(), "invoke_harness")
