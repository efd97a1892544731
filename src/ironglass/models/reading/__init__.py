"""How a network that somebody else wrote is run, and its outputs are read as logits."""
