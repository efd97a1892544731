"""The structure of a network: its blocks, their transplantation, whether it is linear."""
