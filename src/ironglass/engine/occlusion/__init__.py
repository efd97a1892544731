"""Occlusion that recomputes only what a patch changes."""
