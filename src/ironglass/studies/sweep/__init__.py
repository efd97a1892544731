"""The sweep study: one audit with some fields varied."""
