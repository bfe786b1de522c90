"""The small languages of declarations: names, durations, templates, conditions."""
