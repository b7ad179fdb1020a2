"""Checks every case of a folder: the module loads its weights and gives the expected output."""

import importlib.util
import json
import sys
from pathlib import Path

import torch


def tensor(value):
    return torch.tensor(value["data"], dtype=torch.float32).reshape(value["shape"])


torch.set_num_threads(1)
for case in sorted(Path(sys.argv[1]).glob("*.json")):
    spec = importlib.util.spec_from_file_location(case.stem, case.with_suffix(".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    expected = json.loads(case.read_text())
    raw, outputs = tensor(expected["raw"]), tensor(expected["output"])

    # Both readers give the same tensors, under the names of the module's own.
    own = module.read_safetensors(module.WEIGHTS)
    for name, value in module.read_weights().items():
        assert torch.equal(own[name], value), name
    network = module.load()
    names = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
    assert sorted(names) == sorted(expected["tensors"]), (case.stem, names)

    assert module.INPUT_SHAPE == raw.shape[1:]
    assert module.CLASSES == expected["classes"]
    assert not network.training
    with torch.no_grad():
        logits = network(module.preprocess(raw))
    assert logits.shape == outputs.shape, (case.stem, logits.shape)
    difference = (logits - outputs).abs().max().item()

    # It can be trained on, with gradients for every weight that the output depends on.
    network.train()
    logits = network(module.preprocess(raw))
    if logits.requires_grad:
        logits.square().mean().backward()
    without = [name for name, value in network.named_parameters() if value.grad is None]
    assert without == expected["dead"], (case.stem, without)
    print(json.dumps({"case": case.stem, "difference": difference}))
