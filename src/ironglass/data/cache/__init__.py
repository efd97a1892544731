"""The cache of decoded pixels: memory-mapped, checksummed."""
