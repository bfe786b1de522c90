"""What the Watchdog looks for, and what it remembers from one check to the next. Pure."""
