"""The report's section on a sweep."""
