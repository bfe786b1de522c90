"""Templates and style of the pages that people are shown."""
