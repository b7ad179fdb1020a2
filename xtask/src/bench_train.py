"""Trains a network of NAS-Bench-201 with PyTorch on synthetic images and prints images per second as JSON.

The other side of `cargo xtask bench train`. The network is that of Dong and Yang, "NAS-Bench-201" (ICLR 2020):
a stem, three stages of cells with residual blocks of stride 2 between them, a linear classifier. An edge of a
cell has one of five operations, whose numbers make up the genotype. PyTorch is used as people use it: eager
mode, `torch.nn`, `torch.optim.SGD`.
"""

import argparse
import json
import time

import torch
from torch import nn

# The source of each edge by the node that it leads to; edges are numbered node by node.
CELL = {1: [0], 2: [0, 1], 3: [0, 1, 2]}


def relu_conv_norm(channels_in, channels, kernel, stride=1):
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
    )


class Zero(nn.Module):
    def forward(self, images):
        return images * 0.0


def operation(number, channels):
    return {
        0: Zero,
        1: nn.Identity,
        2: lambda: relu_conv_norm(channels, channels, 1),
        3: lambda: relu_conv_norm(channels, channels, 3),
        4: lambda: nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
    }[number]()


class Cell(nn.Module):
    def __init__(self, genotype, channels):
        super().__init__()
        self.edges = nn.ModuleList(operation(number, channels) for number in genotype)

    def forward(self, images):
        nodes, edges = [images], iter(self.edges)
        for sources in CELL.values():
            nodes.append(sum(next(edges)(nodes[source]) for source in sources))
        return nodes[-1]


class Reduction(nn.Module):
    def __init__(self, channels_in, channels):
        super().__init__()
        self.main = nn.Sequential(relu_conv_norm(channels_in, channels, 3, 2), relu_conv_norm(channels, channels, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels_in, channels, 1, bias=False))

    def forward(self, images):
        return self.shortcut(images) + self.main(images)


def network(genotype, cells, channels, classes=10):
    layers = [nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)]
    for stage in range(3):
        width = channels * 2**stage
        if stage > 0:
            layers.append(Reduction(width // 2, width))
        layers += [Cell(genotype, width) for _ in range(cells)]
    layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)]
    return nn.Sequential(*layers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genotype", default="3,3,3,1,3,3")
    parser.add_argument("--cells", type=int, default=1, help="cells a stage")
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warm-up", type=int, default=5, help="steps that are not measured")
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    genotype = [int(number) for number in arguments.genotype.split(",")]
    model = network(genotype, arguments.cells, arguments.channels)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    loss_of = nn.CrossEntropyLoss()
    images = torch.randn(arguments.batch, 3, 32, 32)
    targets = torch.randint(10, (arguments.batch,))

    for step in range(arguments.warm_up + arguments.steps):
        if step == arguments.warm_up:
            start, cpu_start = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        loss = loss_of(model(images), targets)
        loss.backward()
        optimizer.step()
        loss.item()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start

    count = arguments.batch * arguments.steps
    print(
        json.dumps(
            {
                "torch": torch.__version__,
                "parameters": sum(parameter.numel() for parameter in model.parameters()),
                "images_per_second": count / seconds,
                "images_per_cpu_second": count / cpu_seconds,
            }
        )
    )


if __name__ == "__main__":
    main()
