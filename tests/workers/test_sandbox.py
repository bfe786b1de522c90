"""What `workers.sandbox` takes for granted, of the SDK and of Rota's own converter.

If one of these fails after an update of temporalio, read the SDK's `worker._workflow` and
`worker._workflow_instance` again before the range in pyproject.toml grows.
"""

import inspect
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    StorageDriverStoreContext,
    StorageDriverWorkflowInfo,
    WorkflowSerializationContext,
)
from temporalio.worker import WorkflowInstance
from temporalio.worker import _workflow as sdk
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.converter import data_converter
from activities.stores.local import LocalStore
from activities.stores.payloads import ObjectStorePayloads
from workers.sandbox import ContextFreeSandbox

CONTEXT = WorkflowSerializationContext(namespace="n", workflow_id="w")
METHODS = {
    "activate": ("act",),
    "get_serialization_context": ("command_info",),
    "get_external_store_context": ("command_info",),
    "get_info": (),
    "get_thread_id": (),
}
"""All that the SDK can ask of a workflow instance, with the names of the arguments."""


class Sandboxed(WorkflowInstance):
    """An instance that must not be entered for contexts."""

    def activate(self, act: Any) -> Any:
        """Answer so that one can tell who was asked."""
        return ("activated", act)

    def get_serialization_context(self, command_info: Any) -> Any:
        """Refuse."""
        raise AssertionError("entered the sandbox")

    def get_external_store_context(self, command_info: Any) -> Any:
        """Refuse."""
        raise AssertionError("entered the sandbox")

    def get_info(self) -> workflow.Info:
        """Answer so that one can tell who was asked."""
        return cast("workflow.Info", "info")

    def get_thread_id(self) -> int | None:
        """Answer so that one can tell who was asked."""
        return 7


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> WorkflowInstance:
    """What Rota's sandbox makes of an instance."""
    monkeypatch.setattr(SandboxedWorkflowRunner, "create_instance", lambda self, det: Sandboxed())
    return ContextFreeSandbox().create_instance(cast("Any", None))


def test_sdk_asks_of_an_instance_what_rota_answers(instance: WorkflowInstance) -> None:
    """A method that is new or changed would be answered by the base class, or not at all."""
    for kind in (WorkflowInstance, type(instance)):
        functions = {
            name: tuple(inspect.signature(value).parameters)[1:]
            for name, value in vars(kind).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }
        assert functions == METHODS, f"temporalio has changed {kind.__name__}: {__doc__}"


def test_instance_answers_for_contexts_without_entering_the_sandbox(
    instance: WorkflowInstance,
) -> None:
    """Contexts are answered outside; everything else is the sandboxed instance's own."""
    assert instance.get_serialization_context(None) is None
    assert instance.get_external_store_context(None) == StorageDriverStoreContext(target=None)
    assert instance.activate(cast("Any", "act")) == ("activated", "act")
    assert (instance.get_info(), instance.get_thread_id()) == ("info", 7)


def test_sdk_without_a_context_uses_the_converter_as_it_is(
    instance: WorkflowInstance, tmp_path: Path
) -> None:
    """No context means Rota's own converter, not one the SDK makes up."""
    converter = data_converter(LocalStore(tmp_path))
    aware = sdk._CommandAwareDataConverter.create(
        instance=instance,
        context_free_dc=converter,
        workflow_context_dc=converter.with_context(CONTEXT),
        workflow_context=CONTEXT,
    )
    assert aware._get_current_dc() is converter


def test_converter_has_no_use_for_a_context(tmp_path: Path) -> None:
    """Else payloads would be written one way by clients and another by workflows."""
    converter = data_converter(LocalStore(tmp_path))
    assert converter.with_context(CONTEXT) is converter


async def test_stored_payloads_are_the_same_for_whatever_target(tmp_path: Path) -> None:
    """The store addresses by content: whom a payload is for changes nothing."""
    driver, payload = ObjectStorePayloads(LocalStore(tmp_path)), Payload(data=b"x")
    target = StorageDriverWorkflowInfo(namespace="n", id="w")
    claims = [
        await driver.store(StorageDriverStoreContext(target=whom), [payload])
        for whom in (None, target)
    ]
    assert claims[0] == claims[1]
