"""Writes ../resources/org/flambeau/data/orders.txt: the orders in which PyTorch's samplers, loaders and splits read.

A line is: what is iterated; its arguments; the indices, epochs divided by "|"; the next randint below 1000 of the generator.
"""

import pathlib

import torch
from torch.utils.data import DataLoader, RandomSampler, SubsetRandomSampler, TensorDataset, WeightedRandomSampler, random_split

OUT = pathlib.Path(__file__).parent.parent / "resources/org/flambeau/data/orders.txt"


def dataset(n):
    return TensorDataset(torch.arange(n), torch.arange(n))


def show(epochs):
    return "|".join(",".join(str(int(i)) for i in epoch) for epoch in epochs)


def after(generator):
    return int(torch.randint(1000, (1,), generator=generator))


def lines():
    for n in (1, 2, 7, 64, 100):
        for given in (False, True):
            g = torch.Generator().manual_seed(11) if given else None
            torch.manual_seed(5)
            sampler = RandomSampler(range(n), generator=g)
            yield f"sampler;{n};{given};{show([list(sampler) for _ in range(2)])};{after(g)}"
            torch.manual_seed(6)
            sampler = RandomSampler(range(n), replacement=True, num_samples=70, generator=g)
            yield f"replacement;{n};{given};{show([list(sampler) for _ in range(2)])};{after(g)}"
    for n, batch, drop in ((10, 3, False), (10, 3, True), (9, 3, False), (33, 8, True), (1, 4, False)):
        for given in (False, True):
            g = torch.Generator().manual_seed(12) if given else None
            torch.manual_seed(7)
            loader = DataLoader(dataset(n), batch_size=batch, shuffle=True, drop_last=drop, generator=g)
            epochs = [[i for inputs, _ in loader for i in inputs] for _ in range(3)]
            yield f"loader;{n},{batch},{drop};{given};{show(epochs)};{after(g)}"
    for n, parts in ((10, [3, 7]), (11, [0.5, 0.3, 0.2]), (100, [0.9, 0.1])):
        for given in (False, True):
            g = torch.Generator().manual_seed(13) if given else None
            torch.manual_seed(8)
            split = random_split(dataset(n), parts, **({"generator": g} if given else {}))
            yield f"split;{n},{','.join(map(str, parts))};{given};{show(part.indices for part in split)};{after(g)}"
    for n, draws, replacement in ((1, 4, True), (5, 1, True), (7, 70, True), (1000, 40, True), (1, 1, False), (7, 7, False), (100, 30, False)):
        weights = [i * 7 % 11 / 4 for i in range(1, n + 1)]
        for given in (False, True):
            g = torch.Generator().manual_seed(14) if given else None
            torch.manual_seed(9)
            sampler = WeightedRandomSampler(weights, draws, replacement, generator=g)
            yield f"weighted;{n},{draws},{replacement};{given};{show([list(sampler) for _ in range(2)])};{after(g)}"
    for n in (0, 1, 9):
        for given in (False, True):
            g = torch.Generator().manual_seed(15) if given else None
            torch.manual_seed(10)
            sampler = SubsetRandomSampler([3 * i for i in range(n)], generator=g)
            yield f"subset;{n};{given};{show([list(sampler) for _ in range(2)])};{after(g)}"


OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text("\n".join(lines()) + "\n")
