"""The report's section on common corruptions."""
