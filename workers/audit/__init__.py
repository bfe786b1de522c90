"""What leaves the house of the audit record: bundles in folders, and the report for people."""
