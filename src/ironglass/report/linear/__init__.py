"""The report's section on the weights of a linear network."""
