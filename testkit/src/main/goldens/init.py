"""What PyTorch's torch.nn.init makes of seeds, for the tests of org.flambeau.nn.Init.

    python init.py ../resources/org/flambeau/testkit/nn/init.safetensors
"""
import sys

import torch
import torch.nn.init as I
from safetensors.torch import save_file

out = {}


def case(name, f, *sizes, dtype=torch.float32):
    torch.manual_seed(11)
    out[f"init/{name}"] = f(torch.empty(*sizes, dtype=dtype)).contiguous().clone()


case("uniform", lambda t: I.uniform_(t, -1, 3), 5, 7)
case("normal", lambda t: I.normal_(t, 2, 0.5), 5, 7)
case("trunc_normal", I.trunc_normal_, 9, 9)
case("trunc_normal double", lambda t: I.trunc_normal_(t, 0.5, 2, -1, 1.5), 9, 9, dtype=torch.float64)
case("trunc_normal bfloat16", lambda t: I.trunc_normal_(t, 0, 1, -1, 1), 9, 9, dtype=torch.bfloat16)
case("trunc_normal tail", lambda t: I.trunc_normal_(t, 0, 1, 1.5, 4), 9, 9)
case("trunc_normal narrow", lambda t: I.trunc_normal_(t, 0, 2, -0.1, 0.2), 9, 9)
case("eye", I.eye_, 3, 5)
case("dirac", I.dirac_, 4, 3, 3, 2)
case("dirac groups", lambda t: I.dirac_(t, 2), 6, 2, 3)
case("dirac volume", I.dirac_, 2, 3, 3, 1, 2)
case("xavier_uniform", I.xavier_uniform_, 6, 5)
case("xavier_uniform gain", lambda t: I.xavier_uniform_(t, I.calculate_gain("tanh")), 6, 5, 3, 3, dtype=torch.float64)
case("xavier_normal", lambda t: I.xavier_normal_(t, 1.5), 6, 5, 3)
case("kaiming_uniform", I.kaiming_uniform_, 6, 5)
case("kaiming_uniform linear", lambda t: I.kaiming_uniform_(t, 5**0.5), 6, 5)
case("kaiming_normal", lambda t: I.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"), 6, 5, 3, 3)
case("kaiming_normal slope", lambda t: I.kaiming_normal_(t, 0.2), 6, 5)
case("kaiming_normal selu", lambda t: I.kaiming_normal_(t, nonlinearity="selu"), 6, 5)
case("orthogonal tall", lambda t: I.orthogonal_(t, 2), 7, 4)
case("orthogonal wide", I.orthogonal_, 3, 4, 2)
case("orthogonal square", I.orthogonal_, 8, 8, dtype=torch.float64)
case("sparse", lambda t: I.sparse_(t, 0.3), 7, 5)

save_file(out, sys.argv[1])
