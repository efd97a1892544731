"""The worth of probabilities: reliability, temperature, answers withheld, sets of classes of promised coverage."""
