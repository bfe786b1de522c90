"""A person's word before a call: as declared, asked for, given, and by link."""
