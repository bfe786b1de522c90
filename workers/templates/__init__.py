"""What `rota init` writes: files, not modules, so they end in `.template`."""
