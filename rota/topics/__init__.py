"""Topics: events that were published, who subscribes, what each is given."""
