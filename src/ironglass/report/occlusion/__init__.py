"""The report's section on patches laid over images."""
