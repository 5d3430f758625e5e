"""What PyTorch's averaged models are after each update, for the tests of org.flambeau.nn.optim.AveragedModel.

    python averaging.py ../resources/org/flambeau/testkit/nn/averaging.safetensors

average/model/UPDATE/NAME is the state of the model that is averaged, average/WAY/UPDATE/NAME that of the average, and average/WAY/norms/NAME that
of the average whose batch norms have then been updated with average/batches.
"""
import sys

import torch
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

torch.manual_seed(6)
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
out = {"average/batches": torch.randn(3, 5, 3)}
states = []
for update in range(4):
    states.append({k: torch.randint(100, ()) if v.dtype == torch.int64 else torch.rand(v.shape) for k, v in model.state_dict().items()})
    out |= {f"average/model/{update}/{k}": v for k, v in states[-1].items()}
for way, average in ("equal", None), ("exponential", get_ema_multi_avg_fn(0.9)):
    for buffers in False, True:
        averaged = AveragedModel(model, multi_avg_fn=average, use_buffers=buffers)
        key = f"average/{way}{' buffers' if buffers else ''}"
        for update, state in enumerate(states):
            model.load_state_dict(state)
            averaged.update_parameters(model)
            out |= {f"{key}/{update}/{k}": v.clone() for k, v in averaged.state_dict().items()}
        update_bn(out["average/batches"], averaged)
        out |= {f"{key}/norms/{k}": v for k, v in averaged.state_dict().items()}

save_file(out, sys.argv[1])
