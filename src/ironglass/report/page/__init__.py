"""The page of a run: its sections, charts, headlines and model card."""
