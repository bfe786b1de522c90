"""When an agent is meant to run: as declared, and computed."""
