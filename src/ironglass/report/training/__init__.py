"""The report's section on training."""
