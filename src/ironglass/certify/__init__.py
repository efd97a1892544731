"""Certification: proofs that no image of a ball is misread."""

from ironglass.certify.proof import METHODS, Proof, prove
from ironglass.certify.smoothed import smoothed_classifier
from ironglass.certify.smoothing import Smoothing, prove_smoothed, smoothed_predictions

__all__ = ["METHODS", "Proof", "Smoothing", "prove", "prove_smoothed", "smoothed_classifier", "smoothed_predictions"]
