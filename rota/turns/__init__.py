"""One run, turn by turn: the loop, its decisions, its limits, its transcript, its end."""
