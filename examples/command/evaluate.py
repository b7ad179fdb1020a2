"""Evaluates one candidate: reads it as JSON on standard input, writes metrics as JSON on standard output.

The function is made up, and deterministic in its seed. Its minimum is near kernel rbf, degree 3, rate 0.01.
"""

import json
import math
import random
import sys

candidate = json.load(sys.stdin)
values = candidate["values"]
noise = random.Random(candidate["seed"])

if values["kernel"] == "poly" and values["degree"] == 1:
    # A candidate that makes no sense is no failure of the program.
    print(json.dumps({"infeasible": "a polynomial of degree 1 is linear"}))
    sys.exit()

base = {"linear": 0.5, "rbf": 0.1, "poly": 0.2}[values["kernel"]]
distance = (math.log10(values["rate"]) + 2) ** 2 / 10 + (values["degree"] - 3) ** 2 / 20
epochs = max(1, round(10 * candidate["fidelity"]))  # a fidelity is a share of the full effort
curves = [
    {"loss": base + distance + 1 / (2 + epoch) + noise.gauss(0, 0.002)}
    for epoch in range(epochs)
]

print("evaluated", values, file=sys.stderr)  # seen only when something goes wrong
print(json.dumps({
    "metrics": {"loss": curves[-1]["loss"], "effort": epochs * values["degree"]},
    "curves": curves,  # optional: the metrics after each epoch
}))
