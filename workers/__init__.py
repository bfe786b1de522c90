"""Every process one can start: worker, dev server, command line."""
