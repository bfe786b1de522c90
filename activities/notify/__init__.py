"""The forms in which channels take messages: one module each, and what they share."""
