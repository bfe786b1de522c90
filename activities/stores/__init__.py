"""Where bytes live: one module per kind of object store."""
