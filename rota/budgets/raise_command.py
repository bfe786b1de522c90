"""The command with which a person gives more, ready to be copied. Pure."""

from rota.budgets.reservations import Amount, Cap

REASON = "it needs more"
"""What stands in it as the reason; whoever copies it may say it better."""


def raise_command(whom: str, *options: str) -> str:
    """`rota budget raise report-1 --usd 5 --reason "it needs more"`."""
    return " ".join(("rota budget raise", whom, *options, f'--reason "{REASON}"'))


def enough(cap: Cap, gone: Amount, needed: Amount) -> str:
    """Return the options that raise what is too little: by as much again, or what is missing.

    Args:
        cap: The limit.
        gone: What was spent of it.
        needed: What comes next.
    """
    options: list[str] = []
    if cap.micros is not None and (missing := gone.micros + needed.micros - cap.micros) > 0:
        options.append(f"--usd {_dollars(max(cap.micros, missing))}")
    if cap.tokens is not None and (missing := gone.tokens + needed.tokens - cap.tokens) > 0:
        options.append(f"--tokens {max(cap.tokens, missing)}")
    return " ".join(options)


def enough_steps(limit: int, taken: int, next_steps: int) -> str:
    """Return the option likewise for steps."""
    return f"--steps {max(limit, taken + next_steps - limit)}"


def _dollars(micros: int) -> str:
    """`0.5`: exact, as the command takes it."""
    return f"{micros / 1_000_000:.6f}".rstrip("0").rstrip(".")
