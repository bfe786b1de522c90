"""Why a plan was not carried out, in words for the person who asked for it."""


class ApplyError(Exception):
    """The plan was not carried out, or not all of it; one line per reason."""


class StalePlanError(ApplyError):
    """Files or server have changed since the plan was made; nothing was done."""


class NoWorkerError(ApplyError):
    """Nobody serves the keepers' queue; the message says what to start."""

    def __init__(self, task_queue: str) -> None:
        super().__init__(
            f"no worker serves task queue '{task_queue}': start one with 'rota worker' (or "
            "'rota dev', which brings its own), then repeat; if one is up, 'rota doctor' says why "
            "it is given nothing"
        )
