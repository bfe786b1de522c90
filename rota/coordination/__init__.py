"""What ties agents together: needs, locks, calls of one another, whence a run comes."""
