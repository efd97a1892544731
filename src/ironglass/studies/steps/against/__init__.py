"""Images of other kinds, which the network's scores are to tell from the measured ones."""
