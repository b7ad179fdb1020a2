"""Checks every case of a folder: the model is valid, and onnxruntime gives the expected output."""

import json
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime


def array(value):
    return numpy.array(value["data"], dtype=numpy.float32).reshape(value["shape"])


for case in sorted(Path(sys.argv[1]).glob("*.json")):
    model = onnx.load(case.with_suffix(".onnx"))
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(case.with_suffix(".onnx"), providers=["CPUExecutionProvider"])
    expected = json.loads(case.read_text())
    images, outputs = array(expected["input"]), array(expected["output"])
    difference = 0.0
    # The whole batch, and one example alone: the batch axis is open.
    for part in (slice(0, None), slice(1, 2)):
        (logits,) = session.run(["logits"], {"input": images[part]})
        assert logits.shape == outputs[part].shape, (case, logits.shape)
        difference = max(difference, float(numpy.abs(logits - outputs[part]).max()))
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["input_shape"]) == list(images.shape[1:])
    print(json.dumps({"case": case.stem, "difference": difference}))
