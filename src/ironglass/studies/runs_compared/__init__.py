"""The comparison of existing runs: what stands in their folders, paired image by image."""
