"""Running of other people's networks, and reading of their outputs as logits."""
