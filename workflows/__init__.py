"""Deterministic workflow code: what happens, in which order, exactly how often."""
