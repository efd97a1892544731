"""Certification: proofs that no image of a ball is misread."""

from ironglass.certify.proof import METHODS, Proof, prove

__all__ = ["METHODS", "Proof", "prove"]
