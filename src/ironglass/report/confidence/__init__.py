"""The report's section on the worth of probabilities."""
