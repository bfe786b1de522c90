"""Who does the thinking: one independent module per runtime."""
