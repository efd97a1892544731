"""The report's section on hardening."""
