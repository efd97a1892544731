"""Images from where they lie, decoded once, cut into splits, and augmented."""

from ironglass.data.augment import Augment
from ironglass.data.dataset import Dataset, Split
from ironglass.data.load import load_dataset

__all__ = ["Augment", "Dataset", "Split", "load_dataset"]
