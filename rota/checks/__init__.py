"""What is expected of a result, and what it is compared with."""
