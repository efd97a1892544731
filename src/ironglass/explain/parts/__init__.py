"""Parts that explanation methods share: gradients, layers, layouts, attention, fills."""
