"""The report's section on accuracy on unchanged images."""
