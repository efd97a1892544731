"""Classes that are not equal: accuracies of single classes, balanced accuracy, agreement beyond chance, curves."""
