"""The checks of a run's data at its beginning, and what is at fault beside its accuracy."""
