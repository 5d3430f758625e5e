"""Single operations in PyTorch, the same as in Operations.java: inputs are drawn from seed 0, which gives both sides the same numbers."""
import torch
import torch.nn.functional as F


def draw(*shapes):
    torch.manual_seed(0)
    return [torch.randn(*shape) for shape in shapes]


def matmul(m, k, n):
    a, b = draw((m, k), (k, n))
    return lambda: a @ b


def bmm():
    a, b = draw((96, 197, 64), (96, 64, 197))
    return lambda: torch.bmm(a, b)


def conv():
    x, w = draw((8, 64, 56, 56), (64, 64, 3, 3))
    return lambda: F.conv2d(x, w, None, 1, 1)


def softmax():
    (x,) = draw((96, 197, 197))
    return lambda: F.softmax(x, -1)


def layer_norm():
    x, w, b = draw((1576, 768), (768,), (768,))
    return lambda: F.layer_norm(x, (768,), w, b, 1e-6)


def gelu():
    (x,) = draw((1576, 3072))
    return lambda: F.gelu(x)


def gradient(y, gradient, *of):
    return torch.autograd.grad(y, of, gradient, retain_graph=True)[0]


def backward(operation, *shape):
    x, g = draw(shape, shape)
    y = operation(x.requires_grad_(True))
    return lambda: gradient(y, g, x)


def layer_norm_backward():
    x, w, b, g = draw((1576, 768), (768,), (768,), (1576, 768))
    operands = [t.requires_grad_(True) for t in (x, w, b)]
    y = F.layer_norm(x, (768,), w, b, 1e-6)
    return lambda: gradient(y, g, *operands)


def relu_in_place():
    (x,) = draw((8, 64, 112, 112))
    return lambda: x.relu_()


def batch_norm_eval():
    x, w, b, mean, v = draw((8, 64, 112, 112), (64,), (64,), (64,), (64,))
    variance = v.square() + 1
    return lambda: F.batch_norm(x, mean, variance, w, b, False, 0.1, 1e-5)


def batch_norm_training():
    x, w, b, g = draw((8, 64, 112, 112), (64,), (64,), (8, 64, 112, 112))
    operands = [t.requires_grad_(True) for t in (x, w, b)]
    return lambda: gradient(F.batch_norm(x, None, None, w, b, True, 0.1, 1e-5), g, *operands)


def max_pool():
    x, g = draw((8, 64, 112, 112), (8, 64, 56, 56))
    x.requires_grad_(True)
    return lambda: gradient(F.max_pool2d(x, 3, 2, 1), g, x)


def adaptive_average_pool():
    (x,) = draw((8, 512, 7, 7))
    return lambda: F.adaptive_avg_pool2d(x, (1, 1))


def cross_entropy():
    (x,) = draw((64, 1000))
    x.requires_grad_(True)
    target = torch.arange(64) * 15
    return lambda: gradient(F.cross_entropy(x, target), None, x)


def embedding():
    (w,) = draw((30000, 256))
    indices = (torch.arange(64 * 128) * 7919 % 30000).reshape(64, 128)
    return lambda: F.embedding(indices, w)


def cat():
    a, b = draw((8, 1, 768), (8, 196, 768))
    return lambda: torch.cat([a, b], 1)


def gather():
    (x,) = draw((1000, 1000))
    index = (torch.arange(1000000) * 7919 % 1000).reshape(1000, 1000)
    return lambda: x.gather(1, index)


def attention():
    q, k, v = draw(*[(8, 12, 197, 64)] * 3)
    return lambda: F.scaled_dot_product_attention(q, k, v)


def resnet18():
    def convolution(start, width, kernel):
        return [(width, start, kernel, kernel), (width,), (width,)]

    shapes = convolution(3, 64, 7)
    start = 64
    for width in (64, 128, 256, 512):
        shapes += convolution(start, width, 3) + convolution(width, width, 3)
        if start != width:
            shapes += convolution(start, width, 1)
        shapes += convolution(width, width, 3) + convolution(width, width, 3)
        start = width
    return shapes + [(1000, 512), (1000,)]


def sgd():
    parameters = [torch.ones(*shape, requires_grad=True) for shape in resnet18()]
    for p in parameters:
        p.grad = torch.ones_like(p)
    optimizer = torch.optim.SGD(parameters, lr=1e-9, momentum=0.9)

    def run():
        optimizer.step()
        return parameters[0]

    return run


def add(n):
    a, b = draw((n,), (n,))
    return lambda: a + b


def total(n):
    (x,) = draw((n,))
    return lambda: x.sum()


def transpose_copy():
    (x,) = draw((1000, 1000))
    return lambda: x.t().contiguous()


def add_in_place():
    a, b = torch.zeros(10), torch.zeros(10)
    return lambda: a.add_(b)


def add_recorded():
    a, b = draw((10,), (10,))
    a.requires_grad_(True)
    return lambda: a + b


def chain():
    a, b = draw((10,), (10,))
    a.requires_grad_(True)

    def run():
        a.grad = None
        y = a
        for _ in range(1000):
            y = y + b
        y.sum().backward()
        return a.grad

    return run


OPERATIONS = {
    "matmul 1024x1024x1024": lambda: matmul(1024, 1024, 1024),
    "matmul 4096x768x3072": lambda: matmul(4096, 768, 3072),
    "bmm 96x(197x64x197)": bmm,
    "conv 8x64x56x56 k3": conv,
    "softmax 96x197x197": softmax,
    "layer norm 1576x768": layer_norm,
    "gelu 1576x3072": gelu,
    "softmax backward 96x197x197": lambda: backward(lambda x: F.softmax(x, -1), 96, 197, 197),
    "layer norm backward 1576x768": layer_norm_backward,
    "gelu backward 1576x3072": lambda: backward(F.gelu, 1576, 3072),
    "relu 8x64x112x112, in place": relu_in_place,
    "batch norm 8x64x112x112, eval": batch_norm_eval,
    "batch norm 8x64x112x112, training, forward and backward": batch_norm_training,
    "max pool 8x64x112x112 k3 s2, forward and backward": max_pool,
    "adaptive average pool 8x512x7x7": adaptive_average_pool,
    "cross entropy 64x1000, forward and backward": cross_entropy,
    "embedding 64x128 of 30000x256": embedding,
    "cat 8x196x768 to 8x1x768": cat,
    "gather 1000x1000": gather,
    "attention 8x12x197x64": attention,
    "sgd step of ResNet18, momentum 0.9": sgd,
    "add of 10^6": lambda: add(1_000_000),
    "sum of 10^6": lambda: total(1_000_000),
    "transposed copy 1000x1000": transpose_copy,
    "add of 10": lambda: add(10),
    "add of 10, in place": add_in_place,
    "add of 10, recorded": add_recorded,
    "chain of 1000 adds, forward and backward": chain,
}
