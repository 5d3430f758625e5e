"""PyTorch as a peer: runs the workloads that the Java side names, on the same inputs, and answers with times.

Arguments: the device and the number of threads. Says what it is in JSON; then answers each line of the standard input. Its own lines begin with `@answer `.
{"workload": NAME}                           "variant": the fastest way to run it, and "fingerprint": the sum of the result's elements, that of
                                             their magnitudes, and one of them
{"workload": NAME, "calls": N, "seconds": S} "seconds" of a call, measured over N together, for about S seconds, once at least
{"workload": NAME, "memory": VARIANT}        bytes "held" by tensors and at their "peak", and what the process grew by, "resident"; as the first
                                             request of a process
"""
import json
import statistics
import sys
import time

import torch

sys.dont_write_bytecode = True  # the scripts are in a folder that is deleted
import memory
import operations

DEVICE = torch.device(sys.argv[1])
CHOICE_SECONDS = 1


def variants(name):
    """What prepares the workload, by the ways in which PyTorch can run it. A name that begins with = is an expression."""
    if name.startswith("="):
        import expressions

        return {"": lambda: expressions.computation(name[1:])}
    if name in operations.OPERATIONS:
        return {"": operations.OPERATIONS[name]}
    import models

    return models.variants(name, DEVICE)


def fastest(ways):
    """The name of the way that takes least time."""
    def seconds(name):
        run = ways[name]()
        run()
        return statistics.median(times(run, 1, CHOICE_SECONDS))

    return min(ways, key=seconds) if len(ways) > 1 else next(iter(ways))


def wait():
    if DEVICE.type == "cuda":
        torch.cuda.synchronize(DEVICE)


def fingerprint(run):
    result = run().detach().double().cpu()
    return [result.sum().item(), result.abs().sum().item(), result.flatten()[result.numel() // 3].item()]


def times(run, calls, seconds):
    measured = []
    start = time.perf_counter()
    while not measured or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        for _ in range(calls):
            run()
        wait()
        measured.append((time.perf_counter() - before) / calls)
    return measured


def say(answer):
    print("@answer " + json.dumps(answer), flush=True)


def main():
    torch.set_num_threads(int(sys.argv[2]))
    say({"torch": torch.__version__, "device": str(DEVICE), "threads": torch.get_num_threads()})
    ready = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["workload"]
        if "memory" in request:
            say(memory.measure(variants(name)[request["memory"]], DEVICE))
        elif "calls" in request:
            say({"seconds": times(ready[name], request["calls"], request["seconds"])})
        else:
            ways = variants(name)
            variant = fastest(ways)
            ready[name] = ways[variant]()
            say({"variant": variant, "fingerprint": fingerprint(ready[name])})


if __name__ == "__main__":
    main()
