"""The `runtime` block of a declaration: one module per kind, with its settings and its promises."""
