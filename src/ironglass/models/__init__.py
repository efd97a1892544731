"""Networks, and what belongs to each: normalisation, class names, input size, weights."""

from ironglass.models.checks import check_images
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.loading.load import load_classifier
from ironglass.models.loading.save import save_classifier

__all__ = ["Classifier", "check_images", "eval_without_grad", "load_classifier", "save_classifier"]
