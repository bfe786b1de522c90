"""What others may post to the gateway, and what comes of it."""
