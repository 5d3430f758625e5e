"""What memory a workload needs in PyTorch, as Memory.java measures it."""
import gc

import torch
from torch.profiler import ProfilerActivity, profile


def measure(make, device):
    run = make()
    before = start_peak()
    run()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
        run()
        return {"held": held, "peak": torch.cuda.max_memory_allocated(device), "resident": torch.cuda.memory_reserved(device)}
    run()
    resident = bytes_of("VmHWM:") - before
    held = held_by_tensors()
    return {"held": held, "peak": held + allocated_at_peak(run), "resident": resident}


def start_peak():
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")
    return bytes_of("VmRSS:")


def bytes_of(field):
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith(field))


def held_by_tensors():
    gc.collect()
    tensors = [thing for thing in gc.get_objects() if isinstance(thing, torch.Tensor)]
    tensors += [tensor.grad for tensor in tensors if tensor.is_leaf and tensor.grad is not None]
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


def allocated_at_peak(run):
    """What the allocator gave out at the most during a call, beyond what it had given out before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    changes = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    allocated = peak = 0
    for change in sorted(changes, key=lambda event: event.start_ns()):
        allocated += change.nbytes()
        peak = max(peak, allocated)
    return peak
