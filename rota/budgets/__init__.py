"""What may be spent, what was, and who decides: accounts, windows, reservations, prices."""
