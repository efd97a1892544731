"""Common corruptions of images, as in ImageNet-C."""
