"""Studies: a plan run end to end."""
