"""What people are told: facts, channels, messages, and when."""
