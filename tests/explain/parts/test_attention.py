"""Attention rollout and relevance against plain versions written out block by block, fused attention included."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.explain import AttentionRelevance, AttentionRollout, explain, upsample
from ironglass.explain.parts.attention import Attending, attend
from ironglass.models import Classifier
from ironglass.models.eval_without_grad import eval_without_grad

TOKENS, GRID = 6, (2, 3)


def classifier_of(network: nn.Module, size: tuple[int, int] = (8, 12)) -> Classifier:
    return Classifier(network, mean=(0.5,) * 3, std=(0.3,) * 3, classes=tuple("abc"), input_size=size).eval()


class Block(nn.Module):
    """Attention of 2 heads, made in the way of `how`; keeps its weights where it makes them itself."""

    def __init__(self, how):
        super().__init__()
        self.norm, self.how, self.kept = nn.LayerNorm(8), how, None
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))

    def forward(self, x):
        x = x + self._mixed(self.norm(x))
        return x + self.mlp(x)

    def _mixed(self, x):
        module = self.attention
        if self.how == "module":
            return module(x, x, x, need_weights=False)[0]
        if self.how == "module with weights":
            return module(x, x, x)[0]
        parts = F.linear(x, module.in_proj_weight, module.in_proj_bias).chunk(3, -1)
        q, k, v = (part.unflatten(2, (2, 4)).transpose(1, 2) for part in parts)
        if self.how == "fused":
            mixed = F.scaled_dot_product_attention(q, k, v)
        elif self.how == "fused, scaled by hand":
            mixed = F.scaled_dot_product_attention(q / 2, k, v, scale=1.0)
        elif self.how == "fused, with a bias":
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=torch.zeros(1, 1, 1, 1))
        elif self.how == "einsum":
            weights = F.softmax(torch.einsum("nhqd,nhkd->nhqk", q, k) / 2, dim=-1)
            mixed = torch.einsum("nhqk,nhkd->nhqd", weights, v)
        else:
            self.kept = weights = F.dropout((q @ k.mT / 2).softmax(-1), 0.5, self.training)
            mixed = weights @ v
        return module.out_proj(mixed.transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    def __init__(self, how="plain", prefix=1, pool="token", depth=3):
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.prefix, self.pool = nn.Conv2d(3, 8, 4, stride=4), prefix, pool
        self.own = nn.Parameter(torch.randn(1, prefix, 8))
        self.places = nn.Parameter(torch.randn(1, TOKENS + prefix, 8))
        self.blocks = nn.Sequential(*(Block(how) for _ in range(depth)))
        self.head = nn.Linear(8, 3)
        for module in self.modules():
            if isinstance(module, nn.MultiheadAttention):  # sharp attention, so that a mistake shows
                module.in_proj_weight.data *= 4

    def forward(self, x):
        tokens = self.patches(x).flatten(2).mT
        tokens = self.blocks(torch.cat((self.own.expand(len(x), -1, -1), tokens), 1) + self.places)
        read = {"token": tokens[:, :1], "both": tokens[:, :2], "avg": tokens[:, self.prefix :], "all": tokens}[
            self.pool
        ]
        return self.head(read.mean(1))


def by_hand(network: Transformer, images, targets):
    """Rollout and relevance on the grid, image by image."""
    rows = {"token": [0], "both": [0, 1], "avg": range(network.prefix, TOKENS + network.prefix)}
    rows = list(rows.get(network.pool, range(TOKENS + network.prefix)))
    rolled, relevant = [], []
    for image, target in zip(images, targets, strict=True):
        logits = network((image[None].requires_grad_() - 0.5) / 0.3)
        weights = [block.kept for block in network.blocks]
        gradients = torch.autograd.grad(logits[0, target], weights)
        identity = torch.eye(weights[0].shape[-1])
        rollout, relevance = identity, identity
        for one, gradient in zip(weights, gradients, strict=True):
            rollout = (0.5 * identity + 0.5 * one[0].mean(0)) @ rollout
            relevance = relevance + (one[0] * gradient[0]).clamp_min(0).mean(0) @ relevance
        for maps, found in ((rolled, rollout), (relevant, relevance - identity)):
            maps.append(found[rows].mean(0)[network.prefix :].reshape(1, *GRID).detach())
    return torch.stack(rolled), torch.stack(relevant)


@pytest.mark.parametrize(
    ("prefix", "pool"), [(1, "token"), (2, "both"), (5, "token"), (0, "avg"), (1, "avg"), (3, "all")]
)
def test_equals_the_plain_version(prefix, pool):
    network = Transformer(prefix=prefix, pool=pool)
    classifier, images, targets = classifier_of(network), torch.rand(3, 3, 8, 12), torch.tensor([0, 2, 1])
    rollout, relevance = by_hand(network, images, targets)
    torch.testing.assert_close(AttentionRollout().grid(classifier, images, targets), rollout)
    torch.testing.assert_close(AttentionRelevance().grid(classifier, images, targets), relevance)
    torch.testing.assert_close(explain(classifier, images, targets, "attention-rollout"), upsample(rollout, (8, 12)))
    torch.testing.assert_close(
        explain(classifier, images, targets, "attention-relevance"), upsample(relevance, (8, 12))
    )


WAYS = ["module", "module with weights", "fused", "fused, scaled by hand", "fused, with a bias", "einsum"]


@pytest.mark.parametrize("how", WAYS)
def test_every_way_to_attend_gives_the_same(how):
    classifier, images, targets = classifier_of(Transformer(how)), torch.rand(2, 3, 8, 12), torch.tensor([0, 2])
    rollout, relevance = by_hand(Transformer().eval(), images, targets)
    torch.testing.assert_close(AttentionRollout().grid(classifier, images, targets), rollout)
    torch.testing.assert_close(AttentionRelevance().grid(classifier, images, targets), relevance)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {
            "attn_mask": torch.tensor(
                [[True, True, False], [True, True, True], [False, True, True], [True, False, False]]
            )
        },
        {"attn_mask": torch.randn(1, 1, 4, 3)},
        {"enable_gqa": True},
    ],
)
def test_fused_attention_is_computed_as_torch_does(options):
    torch.manual_seed(0)
    heads = 2 if options.get("enable_gqa") else 6
    query, key, value = torch.randn(2, 6, 4, 8), torch.randn(2, heads, 3, 8), torch.randn(2, heads, 3, 8)
    if options.get("is_causal"):
        key, value = torch.randn(2, 6, 4, 8), torch.randn(2, 6, 4, 8)
    expected = F.scaled_dot_product_attention(query, key, value, **options)
    with Attending() as seen:
        found = F.scaled_dot_product_attention(query, key, value, **options)
    torch.testing.assert_close(found, expected)
    assert len(seen.weights) == 1
    torch.testing.assert_close(seen.weights[0].sum(-1), torch.ones(2, 6, 4))


@pytest.mark.parametrize(
    ("name", "options", "blocks"),
    [
        ("vit_tiny_patch16_224", {}, 2),
        ("vit_tiny_patch16_224", {"reg_tokens": 4}, 2),
        ("vit_tiny_patch16_224", {"class_token": False, "global_pool": "avg"}, 2),
        ("deit_tiny_distilled_patch16_224", {}, 2),
        ("beit_base_patch16_224", {"embed_dim": 96, "num_heads": 3}, 2),
        ("vit_tiny_patch16_dinov3_qkvb", {}, 2),
        ("vit_relpos_small_patch16_224", {"embed_dim": 96, "num_heads": 3}, 2),
    ],
)
def test_fused_and_unfused_of_timm_agree(name, options, blocks):
    import timm

    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=3, img_size=(32, 48), depth=blocks, **options).eval()
    for module in network.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False
    classifier, images, targets = classifier_of(network, (32, 48)), torch.rand(2, 3, 32, 48), torch.tensor([0, 2])
    methods = AttentionRollout(), AttentionRelevance()
    plain = [method.grid(classifier, images, targets) for method in methods]
    assert all(maps.shape == (2, 1, 2, 3) for maps in plain)
    for module in network.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = True
    for method, expected in zip(methods, plain, strict=True):
        torch.testing.assert_close(method.grid(classifier, images, targets), expected, rtol=1e-3, atol=1e-6)
    with eval_without_grad(classifier):
        found = attend(classifier, images, targets)
    assert len(found.weights) == blocks
    assert found.weights[0].shape[2] == 6 + found.layout.extra


def test_torchvisions_transformer_gives_its_own_weights():
    from torchvision.models.vision_transformer import VisionTransformer

    torch.manual_seed(0)
    network = VisionTransformer(32, 16, 2, 2, 12, 24, num_classes=3)
    nn.init.normal_(network.heads[0].weight)
    classifier, images = classifier_of(network, (32, 32)), torch.rand(2, 3, 32, 32)
    with eval_without_grad(classifier):
        found = attend(classifier, images, torch.tensor([0, 2]))
    kept = []
    for layer in network.encoder.layers:
        layer.self_attention.register_forward_pre_hook(
            lambda m, given: kept.append(m.__class__.forward(m, *given, average_attn_weights=False)[1])
        )
    network((images - 0.5) / 0.3)
    assert len(found.weights) == len(kept) == 2
    for weights, expected in zip(found.weights, kept, strict=True):
        torch.testing.assert_close(weights, expected.detach())
    assert AttentionRelevance().grid(classifier, images, torch.tensor([0, 2])).shape == (2, 1, 2, 2)


@pytest.mark.parametrize("how", ["eager", "sdpa"])
def test_transformers_networks(how):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=32, patch_size=16,
        num_labels=3, attn_implementation=how)  # fmt: skip
    network = transformers.ViTForImageClassification(config).eval()
    nn.init.normal_(network.classifier.weight)

    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network

        def forward(self, x):
            return self.inner(pixel_values=x).logits

    classifier, images, targets = classifier_of(Logits(), (32, 32)), torch.rand(2, 3, 32, 32), torch.tensor([0, 2])
    with eval_without_grad(classifier):
        found = attend(classifier, images, targets)
    network.set_attn_implementation("eager")
    own = network(pixel_values=(images - 0.5) / 0.3, output_attentions=True).attentions
    for weights, expected in zip(found.weights, own, strict=True):
        torch.testing.assert_close(weights, expected.detach())
    assert AttentionRelevance().grid(classifier, images, targets).any()


class Mixed(nn.Module):
    """Talking heads: weights are mixed between heads behind the softmax."""

    def __init__(self, network):
        super().__init__()
        self.network, self.heads = network, nn.Linear(2, 2)
        for block in network.blocks:
            block._mixed = lambda x, block=block: self._talk(block, x)

    def _talk(self, block, x):
        parts = F.linear(x, block.attention.in_proj_weight, block.attention.in_proj_bias).chunk(3, -1)
        q, k, v = (part.unflatten(2, (2, 4)).transpose(1, 2) for part in parts)
        weights = self.heads((q @ k.mT / 2).softmax(-1).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return (weights @ v).transpose(1, 2).flatten(2)

    def forward(self, x):
        return self.network(x)


SMALL_SWIN = {"embed_dim": 24, "depths": (1, 1), "num_heads": (1, 1), "window_size": 4}


@pytest.mark.parametrize("method", ["attention-rollout", "attention-relevance"])
@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)), "no attention is met"),
        (lambda: Mixed(Transformer()), "no attention is met"),
        (lambda: timm_network("swin_tiny_patch4_window7_224", **SMALL_SWIN), "windows"),
        (lambda: timm_network("cait_xxs24_224", depth=1, depth_token_only=1), "no attention|class token"),
        (lambda: timm_network("xcit_nano_12_p16_224", depth=1), "cannot be seen|class token|in different"),
        (lambda: timm_network("pit_ti_224"), "in different blocks"),
    ],
    ids=["cnn", "talking heads", "swin", "cait", "xcit", "pit"],
)
def test_what_cannot_be_followed_is_refused(build, says, method):
    network = build()
    network(torch.rand(1, 3, 32, 48) if not isinstance(network, Mixed) else torch.rand(1, 3, 8, 12))
    size = (8, 12) if isinstance(network, Mixed) else (32, 48)
    with pytest.raises(InputError, match=says):
        explain(classifier_of(network, size), torch.rand(2, 3, *size), torch.tensor([0, 1]), method)


def timm_network(name, **options):
    import timm

    return timm.create_model(name, num_classes=3, img_size=(32, 48), **options).eval()


def test_chunks_single_images_and_modes_do_not_matter(monkeypatch):
    from ironglass.explain.parts import gradient

    classifier, images, targets = (
        classifier_of(Transformer("fused")),
        torch.rand(4, 3, 8, 12),
        torch.tensor([0, 2, 1, 1]),
    )
    classifier.train()
    for method in (AttentionRollout(), AttentionRelevance()):
        whole = method(classifier, images, targets)
        torch.testing.assert_close(method(classifier, images[1:2], targets[1:2]), whole[1:2])
        with monkeypatch.context() as patch:
            patch.setattr(gradient, "SMALL_BATCH_VALUES", 0)
            patch.setattr(gradient, "AUTOGRAD_BYTES", 1)
            torch.testing.assert_close(method(classifier, images, targets), whole)
        with torch.inference_mode():
            torch.testing.assert_close(method(classifier, images.clone(), targets.clone()), whole)
    assert classifier.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in classifier.parameters())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_precisions(dtype):
    network = Transformer("fused")
    classifier, images, targets = classifier_of(network), torch.rand(2, 3, 8, 12), torch.tensor([0, 2])
    expected = [method(classifier, images, targets) for method in (AttentionRollout(), AttentionRelevance())]
    network.to(dtype)
    for method, maps in zip((AttentionRollout(), AttentionRelevance()), expected, strict=True):
        found = method(classifier, images, targets)
        assert found.dtype == torch.float32
        near = 1e-4 if dtype == torch.float64 else 0.1
        torch.testing.assert_close(found, maps, rtol=near, atol=near * float(maps.abs().max()))


def test_broken_weights_and_attention_that_is_not_torchs_are_refused():
    network = Transformer("fused")
    classifier, images, targets = classifier_of(network), torch.rand(2, 3, 8, 12), torch.tensor([0, 2])
    network.head.weight.data[0, 0] = torch.nan
    with pytest.raises(InputError, match="not finite"):
        explain(classifier, images, targets, "attention-rollout")

    class Odd(Transformer):
        """Gives other logits where its attention is watched."""

        def forward(self, x):
            logits = super().forward(x)
            return logits + 1 if torch.overrides._get_current_function_mode() else logits

    with pytest.raises(InputError, match="logits change"):
        explain(classifier_of(Odd("fused")), images, targets, "attention-rollout")
