"""Parts that attacks share: threats, losses, the gradient loop, searches, rounding."""
