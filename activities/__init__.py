"""Side effects: runtimes, tools, stores, and the calls that reach a keeper."""
