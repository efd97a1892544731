"""The report's section on runs compared."""
