"""The hardening study."""
