"""Batch-norm folded into convolutions, checked within the call against the network itself."""
