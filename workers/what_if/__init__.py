"""What a command needs to have past runs run again: which, with what, and what came of it."""
