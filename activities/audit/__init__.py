"""What gathers the record of a run from server and store, and keeps the keys of the audit."""
