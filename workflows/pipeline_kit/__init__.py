"""The building blocks of a pipeline's run: its way in and out, its graph, its children."""
