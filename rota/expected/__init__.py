"""Which slots were meant to run, and what became of each. Pure."""
