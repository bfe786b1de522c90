"""Pipelines: as declared, as a graph of nodes, and the rules by which it goes on."""
