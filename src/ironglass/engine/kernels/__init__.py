"""Convolution kernels: single operations computed faster than torch's own."""
