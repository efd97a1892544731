"""LayerCAM and HiResCAM: by hand, and as their papers write them, from hooks and plain autograd."""

import pytest
import torch
from torch import nn

from ironglass.explain import EXPLAINERS, HiResCAM, LayerCAM
from ironglass.models import Classifier
from ironglass.testing.networks import attentive

FORMULAS = {
    "layer-cam": lambda output, gradient: (output * gradient.relu()).sum(1, keepdim=True).relu(),
    "hires-cam": lambda output, gradient: (output * gradient).sum(1, keepdim=True),
}


def read(classifier, layer, images, targets):
    """A layer's output and the gradient of the target's logit with respect to it, by a hook."""
    outputs = []
    module = classifier.network.get_submodule(layer)
    handle = module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    logits = classifier(images.clone().requires_grad_())
    handle.remove()
    gradient = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), outputs[0])[0]
    return outputs[0].detach(), gradient


def test_by_hand():
    # A = (4, -2), logit 0 = 2·A₀ − A₁: gradients 2 and −1, so that HiResCAM has (8, 2) and LayerCAM (8, 0)
    convolution = nn.Conv2d(1, 1, 1, bias=False)
    convolution.weight.data.fill_(4)
    convolution.bias = nn.Parameter(torch.tensor([-2.0]))
    head = nn.Linear(2, 2, bias=False)
    head.weight.data = torch.tensor([[2.0, -1.0], [0.0, 0.0]])
    network = nn.Sequential(convolution, nn.Flatten(), head)
    classifier = Classifier(network, mean=(0.0,), std=(0.5,), classes=("a", "b"), input_size=(1, 2))
    images, targets = torch.tensor([[[[0.75, 0.0]]]]), torch.tensor([0])
    torch.testing.assert_close(HiResCAM()(classifier, images, targets)["0"], torch.tensor([[[[8.0, 2.0]]]]))
    torch.testing.assert_close(LayerCAM()(classifier, images, targets)["0"], torch.tensor([[[[8.0, 0.0]]]]))


@pytest.mark.parametrize("method", FORMULAS)
@pytest.mark.parametrize("sign", [1, -1], ids=["as built", "batch-norm of negative scale"])
def test_the_published_formula_at_every_layer(relu_network, method, sign):
    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    norm = classifier.network[1]
    norm.running_mean.normal_(0, 0.3)
    norm.bias.data.normal_(0, 0.5)
    norm.weight.data[::2] *= sign
    for layer in ("0", "2", "4", "6", "7"):
        maps = type(EXPLAINERS[method])(layers=(layer,))(classifier, images, targets)[layer]
        expected = FORMULAS[method](*read(classifier, layer, images, targets))
        assert expected.any()
        torch.testing.assert_close(maps, expected, rtol=1e-4, atol=float(1e-5 * expected.abs().max()))


@pytest.mark.parametrize("method", FORMULAS)
def test_a_transformers_tokens_lie_on_their_grid(method):
    classifier = attentive().eval()
    images, targets = torch.rand(2, 3, 20, 20), torch.tensor([1, 4])
    maps = EXPLAINERS[method](classifier, images, targets)
    output, gradient = read(classifier, "0", images, targets)
    torch.testing.assert_close(maps["0"], FORMULAS[method](output, gradient), rtol=1e-4, atol=1e-6)
    named = type(EXPLAINERS[method])(layers=("2.norm1",))(classifier, images, targets)["2.norm1"]
    output, gradient = (tokens.mT.unflatten(2, (4, 4)) for tokens in read(classifier, "2.norm1", images, targets))
    torch.testing.assert_close(named, FORMULAS[method](output, gradient), rtol=1e-4, atol=1e-6)


def test_hires_cam_sums_to_the_logit_where_the_rest_is_linear(relu_network):
    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    maps = HiResCAM(layers=("7",))(classifier, images, targets)["7"]
    logits = classifier(images).detach().gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(maps.sum((1, 2, 3)), logits - classifier.network[-1].bias.detach()[targets])
