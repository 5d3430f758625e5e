"""Writes the files of SafetensorsTest with the reference library (safetensors 0.8).

    python safetensors_files.py ../resources/org/flambeau/io
"""

import sys

import torch
from safetensors.torch import save_file

folder = sys.argv[1]
save_file(
    {
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
        "scalar": torch.tensor(42.0),
        "empty": torch.zeros(0, 3),
        'names "\\\n\té漢\U0001f525\ufb01': torch.tensor([1], dtype=torch.uint8),
        "\U0001f525": torch.tensor([2], dtype=torch.uint8),
        "\ufb01": torch.tensor([3], dtype=torch.uint8),
    },
    f"{folder}/dtypes.safetensors",
    metadata={"format": 'pt "é"'},
)
save_file({}, f"{folder}/nothing.safetensors")
save_file(
    {
        "float8": torch.zeros(4, dtype=torch.float8_e4m3fn),
        "uint16": torch.tensor([65535], dtype=torch.uint16),
        "known": torch.tensor([1.0, 2.0]),
    },
    f"{folder}/foreign.safetensors",
)
