"""Writes ../resources/org/flambeau/data/mixing.txt: what torchvision's MixUp and CutMix make of batches.

A line is: transform; its alpha and the number of classes; the batch's sizes, and whether its targets are labels or probabilities; the seed of
the generator; the CRC-32 of three results' images and targets; the next randint below 1000 of the generator.
"""

import pathlib
import zlib

import oracle  # noqa: F401, makes torchvision importable
import torch
from torchvision.transforms import v2

OUT = pathlib.Path(__file__).parent.parent / "resources/org/flambeau/data/mixing.txt"


def crc(tensor):
    return f"{zlib.crc32(tensor.numpy().tobytes()):08x}:{'x'.join(map(str, tensor.shape))}"


def batch(sizes, classes, labels):
    n = sizes[0]
    images = (torch.arange(torch.Size(sizes).numel()) * 37 % 256 / 256).reshape(sizes)
    if labels:
        return images, torch.arange(n) % classes
    return images, (torch.arange(n * classes) * 11 % 16 / 16).reshape(n, classes)


def lines():
    for seed in range(4):
        for classes, sizes, labels in ((3, (4, 3, 8, 5), True), (2, (1, 1, 1, 1), True), (5, (6, 2, 9, 31), False)):
            for alpha in (0.2, 0.5, 1.0, 3.0):
                both = [t(alpha=alpha, num_classes=classes) for t in (v2.MixUp, v2.CutMix)]
                for name, mix in (("MixUp", both[0]), ("CutMix", both[1]), ("RandomChoice", v2.RandomChoice(both))):
                    torch.manual_seed(seed)
                    results = " ".join(crc(part) for _ in range(3) for part in mix(*batch(sizes, classes, labels)))
                    after = int(torch.randint(1000, (1,)))
                    kind = "labels" if labels else "probabilities"
                    yield f"{name};{alpha},{classes};{','.join(map(str, sizes))},{kind};{seed};{results};{after}"


OUT.write_text("\n".join(lines()) + "\n")
