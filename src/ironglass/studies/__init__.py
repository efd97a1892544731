"""What a user runs end to end."""
