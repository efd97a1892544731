"""Sound bounds on a network's logits over a ball of images."""
