"""A look at a provider, as `rota doctor` tells of it."""

from collections.abc import Awaitable

from rota.failures import StepError
from rota.runtimes.kind import Probe


async def probed(look: Awaitable[str], cure: str) -> Probe:
    """Return what a look found, or why it found nothing, with what to do about that.

    Args:
        look: Asks the provider, without spending; returns what it found, for people.
        cure: What to check if it fails, in words that name the settings.
    """
    try:
        return Probe(ok=True, found=await look)
    except StepError as error:
        return Probe(ok=False, found=str(error), cure=cure)
