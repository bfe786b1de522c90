"""`make demo`: the reconciliation example, its worker killed on stage, on a real server."""
