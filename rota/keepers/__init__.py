"""The keeper of an agent: whom it admits, what it remembers, how runs are settled."""
