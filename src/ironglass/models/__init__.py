"""Networks, and what belongs to each: normalisation, class names, input size, weights."""

from ironglass.models.checks import check_images
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.models.loading.load import load_classifier
from ironglass.models.loading.save import save_classifier

__all__ = ["Classifier", "check_images", "frozen", "load_classifier", "save_classifier"]
