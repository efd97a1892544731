"""The report's section on the layers of a network."""
