"""The stored images of a data set as they are: sizes, modes, values, digests of the pixels."""
