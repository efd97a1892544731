"""Loading and saving classifiers."""
