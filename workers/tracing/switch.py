"""Turns traces on for a process that is told to record them, and sends the last ones at its end.

A process that records none imports nothing of OpenTelemetry's SDK, and pays nothing.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from temporalio.client import Plugin

from workers.tracing.options import receiver, trace_options

log = logging.getLogger("rota.traces")


def trace_plugins(environ: Mapping[str, str], *, works: bool) -> Sequence[Plugin]:
    """Return what a client needs for traces; a process that records none imports nothing.

    Args:
        environ: The process's environment.
        works: It runs workers. Whatever else starts runs hands its own place in a trace on,
            if it has been given one.

    Raises:
        SettingsError: as `trace_options`.
    """
    options = trace_options(environ)
    if options is None or not (works or options.parent):
        return ()
    from workers.tracing.plugin import trace_plugin  # noqa: PLC0415 - half a second

    plugin = trace_plugin(options)
    if works:
        what = "with what agents read and say" if options.content else "without content"
        log.info("traces are sent to %s, %s", receiver(environ), what)
    return (plugin,)


async def traces_sent(environ: Mapping[str, str]) -> None:
    """Send what this process has recorded; at its end, once its workers have stopped."""
    if trace_options(environ) is None:
        return
    from workers.tracing.plugin import send_rest  # noqa: PLC0415 - as above

    await asyncio.to_thread(send_rest)
