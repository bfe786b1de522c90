"""Servers on which everything continues as new after dozens of events, not after thousands."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from workers.devserver import DevServer, dev_server

AT_ONCE = 'history.workflowIdReuseMinimalInterval="0s"'
"""A server holds whatever continues as new within a second of its start until that is over:
against loops. Here it is meant."""


@asynccontextmanager
async def hasty_server(events: int = 60) -> AsyncGenerator[DevServer]:
    """The server that Rota brings along, suggesting continue-as-new after so many events.

    Its own default is 4,096.
    """
    early = f"limit.historyCount.suggestContinueAsNew={events}"
    async with dev_server(extra_config=(early, AT_ONCE)) as server:
        yield server
