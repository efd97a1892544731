"""The certification step."""
