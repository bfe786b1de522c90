"""Requests to addresses that somebody outside chose: guarded, whatever asks for them."""
