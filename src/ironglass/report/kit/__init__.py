"""Parts that the sections of a report share: colours, images, words, tensors."""
