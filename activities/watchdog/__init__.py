"""What the Watchdog looks at, gathered from the server, the keepers and the store."""
