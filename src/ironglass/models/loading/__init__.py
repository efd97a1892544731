"""Loading and saving classifiers: one file a form of name or file."""
