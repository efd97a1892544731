"""Files that hold a network with its weights: TorchScript, torch.export, ONNX."""
