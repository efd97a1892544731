"""The report's section on attacks."""
