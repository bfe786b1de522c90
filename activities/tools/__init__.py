"""How tool functions are found and run."""
