"""The report's sections on data, model, training, evaluation, layers and occlusion."""
