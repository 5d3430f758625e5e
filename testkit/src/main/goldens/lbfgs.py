"""Where PyTorch's L-BFGS goes in twenty steps, for the tests of org.flambeau.nn.optim.

    python lbfgs.py ../resources/org/flambeau/testkit/nn/lbfgs.safetensors

lbfgs/NAME is the parameters after each step through Rosenbrock's valley, lbfgs/NAME/losses what each step returned, and lbfgs/NAME/func_evals and
lbfgs/NAME/n_iter how many calls and iterations that took in all.
"""
import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(5)
start = torch.randn(9, dtype=torch.float64)
out = {"lbfgs/start": start}
WAYS = {
    "plain": dict(lr=0.05, max_iter=4),
    "wolfe": dict(max_iter=4, history_size=3, line_search_fn="strong_wolfe"),
    "far": dict(lr=300, max_iter=3, max_eval=9, line_search_fn="strong_wolfe"),
    "ends": dict(lr=0.9, max_iter=30, tolerance_grad=1e-3, line_search_fn="strong_wolfe"),
}
for name, options in WAYS.items():
    a, b = start[:3].clone().requires_grad_(True), start[3:].reshape(2, 3).clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([a, b], **options)

    def closure():
        optimizer.zero_grad()
        x = torch.cat([a, b.flatten()])
        loss = (4 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
        loss.backward()
        return loss

    course, losses = [], []
    for step in range(20):
        losses.append(optimizer.step(closure).detach().clone())
        course.append(torch.cat([a, b.flatten()]).detach().clone())
    out[f"lbfgs/{name}"], out[f"lbfgs/{name}/losses"] = torch.stack(course), torch.stack(losses)
    for state in "func_evals", "n_iter":
        out[f"lbfgs/{name}/{state}"] = torch.tensor(optimizer.state_dict()["state"][0][state])

save_file(out, sys.argv[1])
