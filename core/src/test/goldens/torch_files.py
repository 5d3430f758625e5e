"""Writes the files of TorchFileTest with PyTorch 2.13, and what is in them as text; reads them again itself.

    python torch_files.py ../resources/org/flambeau/io

PyTorch reads the tar of its oldest releases but no longer writes it: `save_tar` does, after what `torch.serialization._legacy_load` reads.
"""

import io
import pickle
import struct
import sys
import tarfile
from collections import Counter, OrderedDict

import torch

folder = sys.argv[1]
torch.manual_seed(0)


def tree():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.arange(6.0).view(3, 2)).sum().backward()
    optimizer.step()
    base = torch.arange(12.0).view(3, 4)
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        "frozen": torch.nn.Parameter(torch.tensor([3.0]), requires_grad=False),
        "leaf": torch.ones(2, requires_grad=True),
        "dtypes": {
            "bool": torch.tensor([True, False, True]),
            "uint8": torch.tensor([0, 7, 255], dtype=torch.uint8),
            "int8": torch.tensor([-128, 0, 127], dtype=torch.int8),
            "int16": torch.tensor([-32768, 1, 32767], dtype=torch.int16),
            "int32": torch.tensor([-(2**31), 1, 2**31 - 1], dtype=torch.int32),
            "int64": torch.tensor([-(2**63), 1, 2**63 - 1]),
            "float16": torch.tensor([1.5, -2.0, 65504.0], dtype=torch.float16),
            "bfloat16": torch.tensor([1.5, -2.0, 3e38], dtype=torch.bfloat16),
            "float32": torch.tensor([[1.5, -2.0, 3e38]]),
            "float64": torch.tensor([1.5, -2.0, 1e300], dtype=torch.float64),
        },
        "scalar": torch.tensor(42.0),
        "empty": torch.zeros(0, 3),
        "large": torch.arange(2000.0),
        "base": base,
        "transposed": base.t(),
        "row": base[1],
        "strided": base[1:, ::2],
        "expanded": torch.tensor([[7.0]]).expand(2, 3),
        "tied": [base, base],
        "numbers": [0, 255, 256, 65536, -1, -5, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, -(2**63), 2**70, -(2**70)],
        "floats": [0.1, -0.0, float("inf"), 5e-324],
        "strings": ["", "é漢\U0001f525", "a\nb"],
        "others": (True, False, None, (), (1,), (1, 2), (1, 2, 3, (4,)), [], {}, {1: "one", 2.5: "two", True: "three"}),
        "size": torch.Size([2, 3]),
        "dtype": torch.bfloat16,
        "device": torch.device("cpu"),
        "set": {1, 2, 3},
        "counter": Counter({5: 1}),
        "ordered": OrderedDict(a=1, b=OrderedDict()),
    }


def text(value, path=""):
    """One line for each thing that is no collection, and one for each collection."""
    if isinstance(value, torch.Tensor):
        data = value.detach().contiguous().view(-1).view(torch.uint8) if value.numel() else torch.zeros(0, dtype=torch.uint8)
        content = bytes(data.tolist()).hex() if value.numel() < 100 else str(sum(value.tolist()))
        sizes, strides = list(value.shape), list(value.stride())
        return f"{path} {value.dtype} {sizes} {strides} {str(value.requires_grad).lower()} {content}\n"
    if isinstance(value, dict):
        kind = "OrderedDict" if isinstance(value, OrderedDict) else "dict"
        lines = f"{path} {kind} {len(value)}\n" + "".join(text(item, f"{path}/{key}") for key, item in value.items())
        return lines + (text(vars(value), path + "/.") if isinstance(value, OrderedDict) and vars(value) else "")
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return f"{path} {kind} {len(value)}\n" + "".join(text(item, f"{path}/{i}") for i, item in enumerate(value))
    if isinstance(value, float):
        return f"{path} float {struct.pack('>d', value).hex()}\n"
    if isinstance(value, set):
        return f"{path} set {sorted(value)}\n"
    if isinstance(value, str):
        return f"{path} str {value.encode().hex()}\n"
    if isinstance(value, torch.device):
        return text(str(value), path)
    return f"{path} {value}\n"


def save_tar(tensors, file, views=()):
    """`tensors` by name; those that are views of one storage share it. `views` are pairs of a name and the name that it is a part of."""
    dump = lambda value, out: pickle.dump(value, out, protocol=2)
    storages, layouts, members = io.BytesIO(), io.BytesIO(), {}
    roots = {}
    for tensor in tensors.values():
        roots.setdefault(tensor.untyped_storage()._cdata, tensor)
    dump(len(roots), storages)
    for key, tensor in roots.items():
        dump((key, "cpu", getattr(torch, tensor.storage()._pickle_storage_type())), storages)
        raw = bytes(tensor.untyped_storage().tolist())
        storages.write(struct.pack("<q", len(raw) // tensor.element_size()) + raw)
    view_list, view_of = [], {}
    for number, (name, offset, numel) in enumerate(views):
        root = tensors[name].untyped_storage()._cdata
        view_list.append((number, root, offset, numel))
        view_of[name] = number
    dump(view_list, storages)
    dump(len(tensors), layouts)
    for number, (name, tensor) in enumerate(tensors.items()):
        storage = view_of.get(name, tensor.untyped_storage()._cdata)
        offset = tensor.storage_offset() - (views[view_of[name]][1] if name in view_of else 0)
        dump((1000 + number, storage, getattr(torch, tensor.type().split(".")[-1])), layouts)
        rank = tensor.dim()
        layouts.write(struct.pack(f"<i4x{rank}q{rank}qq", rank, *tensor.shape, *tensor.stride(), offset))

    class Pickler(pickle._Pickler):
        def persistent_id(self, value):
            return value.number if isinstance(value, Number) else None

        def save_ordered_dict(self, value):  # as Python 2
            self.save_reduce(OrderedDict, ([[key, item] for key, item in value.items()],), obj=value)

        dispatch = pickle._Pickler.dispatch.copy()
        dispatch[OrderedDict] = save_ordered_dict

    class Number:
        def __init__(self, number):
            self.number = number

    objects = io.BytesIO()
    Pickler(objects, protocol=2).dump(OrderedDict((name, Number(1000 + i)) for i, name in enumerate(tensors)))
    info = io.BytesIO()
    dump({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, info)
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {"sys_info": info, "pickle": objects, "tensors": layouts, "storages": storages}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.getvalue())
            tar.addfile(member, io.BytesIO(content.getvalue()))


content = tree()
for name, options in {
    "zip": {},
    "protocol5": {"pickle_protocol": 5},
    "legacy": {"_use_new_zipfile_serialization": False},
}.items():
    torch.save(content, f"{folder}/{name}.pth", **options)
    assert text(torch.load(f"{folder}/{name}.pth", weights_only=False)) == text(content), name
with open(f"{folder}/tree.txt", "w") as file:
    file.write(text(content))

base = torch.arange(12.0).view(3, 4)
tensors = OrderedDict(
    weight=base, transposed=base.t(), row=base[1], part=base[1:], scalar=torch.tensor(7), empty=torch.zeros(0, 3), half=torch.ones(2).half()
)
save_tar(tensors, f"{folder}/tar.pth", [("part", 4, 8)])
assert text(torch.load(f"{folder}/tar.pth", weights_only=False)) == text(tensors)
with open(f"{folder}/tar.txt", "w") as file:
    file.write(text(tensors))

torch.serialization.set_crc32_options(False)
torch.save({"a": torch.arange(3)}, f"{folder}/nochecksums.pth")
torch.jit.save(torch.jit.script(torch.nn.ReLU()), f"{folder}/script.pt")
