"""The report's section on a transfer study."""
