"""The shared language of Rota: pure models and decisions, no I/O, no Temporal."""
