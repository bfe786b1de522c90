"""Metrics of a whole fleet for Prometheus: read from keepers and server, in one closed list."""
