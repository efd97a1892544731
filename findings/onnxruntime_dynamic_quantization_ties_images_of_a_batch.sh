#!/usr/bin/env bash
# onnxruntime 1.32.0 (onnx 1.23.2, torch 2.15.0): in a dynamically quantised network the prediction for an image depends
# on which other images are in its batch.
#
# Seen: 512 random images, a small convolutional network: run as one batch and one by one, the float model gives equal
# logits (difference below 1e-6) and the same classes, the model after quantize_dynamic logits up to 0.01 apart and
# another class for several images. The same batch run twice is equal bit for bit.
# A good guess is wrong because the quantised network is deterministic, has no batch normalisation in training mode, and
# the error of 8 bits is thought of as a property of each image; the range of each activation is taken over the whole
# batch.
# Why it matters: an attack that succeeds in a batch of 64 fails alone, a second run with another batch size or order
# gives other results per image, and images of a paired comparison are no longer independent.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install onnxruntime==1.32.0 onnx==1.23.2 onnxscript==0.7.2 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import logging, pathlib, tempfile, warnings
import numpy as np
import onnx, onnxruntime, torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

print("onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__, "torch", torch.__version__)
logging.disable()
warnings.simplefilter("ignore")
torch.manual_seed(0)
network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)).eval()
images = np.random.default_rng(0).normal(size=(512, 3, 8, 8)).astype("float32")
found = {}
with tempfile.TemporaryDirectory() as folder:
    plain, quantized = pathlib.Path(folder, "plain.onnx"), pathlib.Path(folder, "quantized.onnx")
    options = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}, "opset_version": 17, "dynamo": False}
    torch.onnx.export(network, (torch.rand(2, 3, 8, 8),), plain, **options)
    quantize_dynamic(plain, quantized, weight_type=QuantType.QUInt8)
    for path in (plain, quantized):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        whole, again = (session.run(None, {"x": images})[0] for _ in range(2))
        single = np.concatenate([session.run(None, {"x": images[i : i + 1]})[0] for i in range(512)])
        assert np.array_equal(whole, again)
        found[path.stem] = float(np.abs(whole - single).max()), int((whole.argmax(1) != single.argmax(1)).sum())
        print(f"{path.stem}: logits differ by {found[path.stem][0]:.2g}, other class: {found[path.stem][1]} of 512")
assert found["plain"][0] < 1e-4 and found["plain"][1] == 0
assert found["quantized"][0] > 1e-3 and found["quantized"][1] > 0
PY
