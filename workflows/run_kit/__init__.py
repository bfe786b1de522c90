"""The building blocks of a run: admission, turns, tools, settlement, visibility."""
