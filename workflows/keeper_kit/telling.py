"""What keepers tell people by themselves: soft limits of their accounts that are reached."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota import soft_limits
    from rota.budget import Account
    from rota.notifications import Fact
    from rota.pinned_spec import PinnedSpec
    from rota.team_spec import PinnedTeam


def soft_limit_is_due(account: Account, spec: PinnedSpec | PinnedTeam | None) -> bool:
    """True if somebody is to be told; of one that nobody asked to hear of, nobody is."""
    return spec is not None and soft_limits.is_due(account, spec.notify, workflow.now())


def soft_limits_told(account: Account, spec: PinnedSpec) -> tuple[Account, tuple[Fact, ...]]:
    """Return the account in which they are told, and what is to be told."""
    return soft_limits.take(
        account, spec.notify, owner=spec.name, kind="agent", team=spec.team, now=workflow.now()
    )


def team_limits_told(account: Account, spec: PinnedTeam) -> tuple[Account, tuple[Fact, ...]]:
    """Return the same of a team's account."""
    return soft_limits.take(
        account, spec.notify, owner=spec.name, kind="team", team=spec.name, now=workflow.now()
    )
