"""When: declare, lint, plan, apply and compare schedules."""
