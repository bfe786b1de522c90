"""Traces: what is recorded where, and how it leaves the process."""
