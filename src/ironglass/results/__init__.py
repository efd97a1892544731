"""The numbers of a run, typed: one file a section of `results.json`, read and written by one pair of functions."""
