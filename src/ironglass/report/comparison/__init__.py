"""The report's section on a comparison of training methods."""
