"""Replaying recorded histories with today's code, and telling what it would do otherwise."""
