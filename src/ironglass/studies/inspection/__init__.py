"""The inspection of a data set's images."""
