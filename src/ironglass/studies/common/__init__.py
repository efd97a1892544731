"""Parts that studies share: preparation, progress, processes, environment."""
