"""Past runs again: with today's code, with other settings, from a turn of theirs."""
