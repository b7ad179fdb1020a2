"""Compares, for every network of a folder, its ONNX model in onnxruntime with its module in PyTorch."""

import importlib.util
import json
import sys
from pathlib import Path

import onnx
import onnxruntime
import torch

torch.manual_seed(1)
torch.set_num_threads(1)
for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    spec = importlib.util.spec_from_file_location(path.stem, path.with_suffix(".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    images = torch.randint(0, 256, (2, *module.INPUT_SHAPE)).float()
    (logits,) = session.run(["logits"], {"input": images.numpy()})
    with torch.no_grad():
        expected = module.load()(module.preprocess(images))
    assert logits.shape == tuple(expected.shape), (logits.shape, expected.shape)
    largest = expected.abs().max().item()
    difference = (torch.from_numpy(logits) - expected).abs().max().item()
    answer = {"network": path.stem, "difference": difference, "largest": largest}
    print(json.dumps({**answer, "relative": difference / max(largest, 1.0)}))
