"""Keys, secrets in texts, and where requests may go."""
