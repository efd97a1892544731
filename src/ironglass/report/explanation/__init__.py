"""The report's section on explanation methods."""
