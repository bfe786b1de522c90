"""The `rota` command: one module per group of commands."""
