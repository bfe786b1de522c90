"""What keepers tell people by themselves: soft limits of their accounts that are reached."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.budgets import soft_limits
    from rota.budgets.reservations import Account
    from rota.pinned_spec import PinnedSpec
    from rota.team_spec import PinnedTeam
    from workflows.notifying import Tidings


def soft_limit_is_due(account: Account, spec: PinnedSpec | PinnedTeam | None) -> bool:
    """True if somebody is to be told; of one that nobody asked to hear of, nobody is."""
    return spec is not None and soft_limits.is_due(account, spec.notify, workflow.now())


def tell_soft_limits(account: Account, spec: PinnedSpec | PinnedTeam, tidings: Tidings) -> Account:
    """Tell of those that are reached, and return the account in which they are told.

    They count as told at once: what cannot be handed over is tried again, see `Tidings`.
    """
    is_team = isinstance(spec, PinnedTeam)
    account, facts = soft_limits.take(
        account,
        spec.notify,
        owner=spec.name,
        kind="team" if is_team else "agent",
        team=spec.name if is_team else spec.team,
        now=workflow.now(),
    )
    tidings.tell(spec.notify, *facts)
    return account
