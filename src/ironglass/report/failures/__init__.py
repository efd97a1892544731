"""The section on where the network fails."""
