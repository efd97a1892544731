"""The report's sections on data, model and how a run was made."""
