"""How agents hang together, as text, Mermaid and pictures."""
