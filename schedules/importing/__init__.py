"""Schedules of other software, read into declarations of agents."""
