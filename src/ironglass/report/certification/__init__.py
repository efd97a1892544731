"""The report's section on certified accuracy."""
