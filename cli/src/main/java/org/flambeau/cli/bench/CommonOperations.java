package org.flambeau.cli.bench;

import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.flambeau.BackwardOption;
import org.flambeau.DType;
import org.flambeau.Index;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Functional.InterpolationMode;
import org.flambeau.nn.Functional.PaddingMode;
import org.flambeau.nn.PoolOptions;

/// What programs are made of beside the operations of the models: one line for each, with PyTorch's expression of the same over the same operands,
/// which are named in `expressions.py`.
final class CommonOperations {
  static final List<Workload> ALL = List.of(
      // ---- functions of one operand ----
      row("abs", "torch.abs(a)", 8, o -> o.a().abs()),
      row("neg", "torch.neg(a)", 8, o -> o.a().neg()),
      row("floor", "torch.floor(a)", 8, o -> o.a().floor()),
      row("round", "torch.round(a)", 8, o -> o.a().round()),
      row("sqrt", "torch.sqrt(p)", 8, o -> o.p().sqrt()),
      row("rsqrt", "torch.rsqrt(p)", 8, o -> o.p().rsqrt()),
      row("reciprocal", "torch.reciprocal(p)", 8, o -> o.p().reciprocal()),
      row("exp", "torch.exp(a)", 8, o -> o.a().exp()),
      row("exp2", "torch.exp2(a)", 8, o -> o.a().exp2()),
      row("expm1", "torch.expm1(a)", 8, o -> o.a().expm1()),
      row("log", "torch.log(p)", 8, o -> o.p().log()),
      row("log2", "torch.log2(p)", 8, o -> o.p().log2()),
      row("log1p", "torch.log1p(p)", 8, o -> o.p().log1p()),
      row("sin", "torch.sin(a)", 8, o -> o.a().sin()),
      row("tan", "torch.tan(a)", 8, o -> o.a().tan()),
      row("atan", "torch.atan(a)", 8, o -> o.a().atan()),
      row("sinh", "torch.sinh(a)", 8, o -> o.a().sinh()),
      row("tanh", "torch.tanh(a)", 8, o -> o.a().tanh()),
      row("erf", "torch.erf(a)", 8, o -> o.a().erf()),
      row("erfinv", "torch.erfinv(q)", 8, o -> o.q().erfinv()),
      row("lgamma", "torch.lgamma(p)", 8, o -> o.p().lgamma()),
      row("sigmoid", "torch.sigmoid(a)", 8, o -> o.a().sigmoid()),
      row("clamp", "a.clamp(-1, 1)", 8, o -> o.a().clamp(-1, 1)),
      row("silu", "F.silu(a)", 8, o -> Functional.silu(o.a())),
      row("softplus", "F.softplus(a)", 8, o -> Functional.softplus(o.a())),
      row("leaky_relu", "F.leaky_relu(a)", 8, o -> Functional.leakyRelu(o.a())),
      row("elu", "F.elu(a)", 8, o -> Functional.elu(o.a())),
      row("hardswish", "F.hardswish(a)", 8, o -> Functional.hardswish(o.a())),
      row("mish", "F.mish(a)", 8, o -> Functional.mish(o.a())),
      // ---- functions of two operands ----
      row("add", "a + b", 12, o -> o.a().add(o.b())),
      row("add of a row", "a + row", 8, o -> o.a().add(o.row())),
      row("add of a column", "a + column", 8, o -> o.a().add(o.column())),
      row("add of a transposed", "a + b.t()", 12, o -> o.a().add(o.b().t())),
      row("div", "a / p", 12, o -> o.a().div(o.p())),
      row("pow", "p ** b", 12, o -> o.p().pow(o.b())),
      row("atan2", "torch.atan2(a, b)", 12, o -> o.a().atan2(o.b())),
      row("remainder", "torch.remainder(a, p)", 12, o -> o.a().remainder(o.p())),
      row("maximum", "torch.maximum(a, b)", 12, o -> o.a().maximum(o.b())),
      row("greater than", "a > b", 9, o -> o.a().gt(o.b())),
      row("where", "torch.where(mask, a, b)", 13, o -> Tensor.where(o.mask(), o.a(), o.b())),
      row("masked fill", "a.masked_fill(mask, 0.0)", 9, o -> o.a().maskedFill(o.mask(), 0.0)),
      row("lerp", "torch.lerp(a, b, 0.3)", 12, o -> o.a().lerp(o.b(), 0.3)),
      row("addcmul", "torch.addcmul(a, b, p, value=0.5)", 16, o -> o.a().addcmul(o.b(), o.p(), 0.5)),
      // ---- other dtypes ----
      row("add, float64", "d + d", 16, o -> o.d().add(o.d())),
      row("add, bfloat16", "h + h", 4, o -> o.h().add(o.h())),
      row("add, int64", "k + k", 16, o -> o.k().add(o.k())),
      row("add, int32", "i + i", 8, o -> o.i().add(o.i())),
      row("exp, float64", "torch.exp(d)", 16, o -> o.d().exp()),
      row("mul, bfloat16", "h * h", 4, o -> o.h().mul(o.h())),
      row("remainder, int64", "k % 7", 16, o -> o.k().remainder(7)),
      row("logical and, bool", "mask & ~mask", 5, o -> o.mask().logicalAnd(o.mask().logicalNot())),
      row("sum, int64", "k.sum()", 8, o -> o.k().sum()),
      row("sum, bool", "mask.sum()", 1, o -> o.mask().sum()),
      row("float32 to float64", "a.to(torch.float64)", 12, o -> o.a().to(DType.FLOAT64)),
      row("float32 to bfloat16", "a.to(torch.bfloat16)", 6, o -> o.a().to(DType.BFLOAT16)),
      row("float32 to int64", "a.to(torch.int64)", 12, o -> o.a().to(DType.INT64)),
      row("float32 to bool", "a.to(torch.bool)", 5, o -> o.a().to(DType.BOOL)),
      row("int64 to float32", "k.to(torch.float32)", 12, o -> o.k().to(DType.FLOAT32)),
      // ---- reductions, scans and order ----
      row("sum of all", "a.sum()", 4, o -> o.a().sum()),
      row("sum of rows", "a.sum(1)", 4, o -> o.a().sum(1)),
      row("sum of columns", "a.sum(0)", 4, o -> o.a().sum(0)),
      row("prod of rows", "q.prod(1)", 4, o -> o.q().prod(1)),
      row("prod of columns", "q.prod(0)", 4, o -> o.q().prod(0)),
      row("amax of all", "a.amax()", 4, o -> o.a().amax()),
      row("amax of rows", "a.amax(1)", 4, o -> o.a().amax(1)),
      row("amax of columns", "a.amax(0)", 4, o -> o.a().amax(0)),
      row("argmax of all", "a.argmax()", 4, o -> o.a().argmax()),
      row("argmax of rows", "a.argmax(1)", 4, o -> o.a().argmax(1)),
      row("argmax of columns", "a.argmax(0)", 4, o -> o.a().argmax(0)),
      row("var of all", "a.var()", 4, o -> o.a().var()),
      row("var of rows", "a.var(1)", 4, o -> o.a().var(1)),
      row("var of columns", "a.var(0)", 4, o -> o.a().var(0)),
      row("mean of channels", "x.mean((0, 2, 3))", 6.4, o -> o.x().mean(0, 2, 3)),
      row("norm of rows", "torch.linalg.vector_norm(a, dim=1)", 4, o -> o.a().norm(2.0, 1)),
      row("logsumexp", "a.logsumexp(1)", 4, o -> o.a().logsumexp(1)),
      row("cumsum of rows", "a.cumsum(1)", 8, o -> o.a().cumsum(1)),
      row("cumsum of columns", "a.cumsum(0)", 8, o -> o.a().cumsum(0)),
      row("cummax", "a.cummax(1)[0]", 16, o -> o.a().cummax(1).values()),
      row("sort of rows", "a.sort(1)[0]", 16, o -> o.a().sort(1).values()),
      row("sort of all", "a.flatten().sort()[0]", 16, o -> o.a().flatten().sort().values()),
      row("topk 10 of rows", "a.topk(10)[0]", 4, o -> o.a().topk(10).values()),
      row("median", "a.median()", 4, o -> o.a().median()),
      row("unique, int64", "k.unique(return_inverse=True, return_counts=True)[0]", 8, o -> o.k().unique().values()),
      row("softmax of columns", "a.softmax(0)", 8, o -> o.a().softmax(0)),
      row("log softmax", "a.log_softmax(1)", 8, o -> o.a().logSoftmax(1)),
      // ---- indexing and movement ----
      row("index of rows", "a[rows]", 8, o -> o.a().index(Index.of(o.rows()))),
      row("index of columns", "a[:, rows]", 8, o -> o.a().index(Index.all(), Index.of(o.rows()))),
      row("masked select", "a[mask]", 7, o -> o.a().index(Index.of(o.mask()))),
      row("nonzero", "mask.nonzero()", 9, o -> o.mask().nonzero()),
      row("scatter add", "a.scatter_add(1, places, b)", 20, o -> o.a().scatterAdd(1, o.places(), o.b())),
      row("index add", "a.index_add(0, rows, b)", 16, o -> o.a().indexAdd(0, o.rows(), o.b())),
      row("take", "a.take(places)", 16, o -> o.a().take(o.places())),
      row("one hot", "F.one_hot(rows, 1000)", 8, o -> o.rows().oneHot(1000)),
      row("flip", "a.flip(1)", 8, o -> o.a().flip(1)),
      row("roll", "a.roll(3, 1)", 8, o -> o.a().roll(3, 1)),
      row("repeat", "a.repeat(2, 2)", 20, o -> o.a().repeat(2, 2)),
      row("stack", "torch.stack([a, b], 2)", 16, o -> Tensor.stack(List.of(o.a(), o.b()), 2)),
      row("tril", "a.tril()", 6, o -> o.a().tril()),
      row("images to channels last", "x.permute(0, 2, 3, 1).contiguous()", 12.8, o -> o.x().permute(0, 2, 3, 1).contiguous()),
      row("heads apart", "t.permute(0, 2, 1, 3).contiguous()", 9.7, o -> o.t().permute(0, 2, 1, 3).contiguous()),
      row("pad", "F.pad(x, (1, 1, 1, 1))", 13.3, o -> Functional.pad(o.x(), 1, 1, 1, 1)),
      row("pad, reflecting", "F.pad(x, (1, 1, 1, 1), mode='reflect')", 13.3, o -> Functional.pad(o.x(), PaddingMode.REFLECT, 1, 1, 1, 1)),
      // ---- making and drawing ----
      row("arange", "torch.arange(1000000)", 8, o -> Tensor.arange(1_000_000)),
      row("linspace", "torch.linspace(0, 1, 1000000)", 4, o -> Tensor.linspace(0, 1, 1_000_000)),
      row("rand", "seeded() or torch.rand(1000, 1000)", 4, o -> seeded(() -> Tensor.rand(1000, 1000))),
      row("randn", "seeded() or torch.randn(1000, 1000)", 4, o -> seeded(() -> Tensor.randn(1000, 1000))),
      row("dropout", "seeded() or F.dropout(a, 0.5)", 8, o -> seeded(() -> Functional.dropout(o.a(), 0.5, true))),
      // ---- products ----
      row("mm with one row", "row4096 @ w4096", 67, o -> o.row4096().matmul(o.w4096())),
      row("outer", "torch.outer(row, row)", 4, o -> o.row().outer(o.row())),
      row("dot", "a.flatten().dot(b.flatten())", 8, o -> o.a().flatten().dot(o.b().flatten())),
      row("mm, float64", "d @ d", 24, o -> o.d().matmul(o.d())),
      row("bmm 1000x4x4", "small @ small", 0.2, o -> o.small().matmul(o.small())),
      row("einsum of heads", "torch.einsum('bqhd,bkhd->bhqk', t, t)", 20, o -> Tensor.einsum("bqhd,bkhd->bhqk", o.t(), o.t())),
      // ---- layers ----
      row("conv 1x1", "F.conv2d(x, w[:, :, :1, :1])", 12.8,
          o -> Functional.conv2d(o.x(), o.w().narrow(2, 0, 1).narrow(3, 0, 1).contiguous(), null, ConvOptions.of())),
      row("conv 3x3, stride 2", "F.conv2d(x, w, None, 2, 1)", 8,
          o -> Functional.conv2d(o.x(), o.w(), null, ConvOptions.of().stride(2).padding(1))),
      row("conv, depthwise", "F.conv2d(x, w[:, :1], None, 1, 1, 1, 64)", 12.8,
          o -> Functional.conv2d(o.x(), o.w().narrow(1, 0, 1).contiguous(), null, ConvOptions.of().padding(1).groups(64))),
      row("conv, transposed", "F.conv_transpose2d(x, w[:, :, :2, :2], None, 2)", 32,
          o -> Functional.convTranspose2d(o.x(), o.w().narrow(2, 0, 2).narrow(3, 0, 2).contiguous(), null, ConvOptions.of().stride(2))),
      row("max pool 2x2", "F.max_pool2d(x, 2)", 8, o -> Functional.maxPool2d(o.x(), PoolOptions.kernel(2))),
      row("average pool 3x3", "F.avg_pool2d(x, 3, 1, 1)", 12.8,
          o -> Functional.avgPool2d(o.x(), PoolOptions.kernel(3).stride(1).padding(1))),
      row("adaptive average pool to 7x7", "F.adaptive_avg_pool2d(x, 7)", 6.5, o -> Functional.adaptiveAvgPool2d(o.x(), 7, 7)),
      row("interpolate, nearest", "F.interpolate(x, (112, 112))", 32,
          o -> Functional.interpolate(o.x(), InterpolationMode.NEAREST, 112, 112)),
      row("interpolate, bilinear", "F.interpolate(x, (112, 112), mode='bilinear')", 32,
          o -> Functional.interpolate(o.x(), InterpolationMode.BILINEAR, 112, 112)),
      row("rms norm", "F.rms_norm(a, (1000,), row, 1e-6)", 8, o -> Functional.rmsNorm(o.a(), new long[] {1000}, o.row(), 1e-6)),
      row("group norm", "F.group_norm(x, 8, channels, channels)", 12.8,
          o -> Functional.groupNorm(o.x(), 8, o.channels(), o.channels(), 1e-5)),
      row("normalize", "F.normalize(a)", 8, o -> Functional.normalize(o.a())),
      row("mse loss", "F.mse_loss(a, b)", 8, o -> Functional.mseLoss(o.a(), o.b())),
      row("smooth l1 loss", "F.smooth_l1_loss(a, b)", 8, o -> Functional.smoothL1Loss(o.a(), o.b())),
      row("cross entropy", "F.cross_entropy(a, rows)", 4, o -> Functional.crossEntropy(o.a(), o.rows())),
      row("attention, causal", "F.scaled_dot_product_attention(s, s, s, is_causal=True)", 8,
          o -> Functional.scaledDotProductAttention(o.s(), o.s(), o.s(), null, 0, true)),
      // ---- forward and backward ----
      row("tanh, with gradient", "gradient(torch.tanh(ag), ag)", 24, o -> gradient(o.ag().tanh(), o.ag())),
      row("silu, with gradient", "gradient(F.silu(ag), ag)", 20, o -> gradient(Functional.silu(o.ag()), o.ag())),
      row("mul, with gradient", "gradient(ag * b, ag)", 24, o -> gradient(o.ag().mul(o.b()), o.ag())),
      row("sum of rows, with gradient", "gradient(ag.sum(1), ag)", 8, o -> gradient(o.ag().sum(1), o.ag())),
      row("amax of rows, with gradient", "gradient(ag.amax(1), ag)", 12, o -> gradient(o.ag().amax(1), o.ag())),
      row("cumsum, with gradient", "gradient(ag.cumsum(1), ag)", 16, o -> gradient(o.ag().cumsum(1), o.ag())),
      row("softmax of columns, with gradient", "gradient(ag.softmax(0), ag)", 20, o -> gradient(o.ag().softmax(0), o.ag())),
      row("log softmax, with gradient", "gradient(ag.log_softmax(1), ag)", 20, o -> gradient(o.ag().logSoftmax(1), o.ag())),
      row("logsumexp, with gradient", "gradient(ag.logsumexp(1), ag)", 12, o -> gradient(o.ag().logsumexp(1), o.ag())),
      row("gather, with gradient", "gradient(ag.gather(1, places), ag)", 28, o -> gradient(o.ag().gather(1, o.places()), o.ag())),
      row("embedding, with gradient", "gradient(F.embedding(rows, ag), ag)", 16,
          o -> gradient(Functional.embedding(o.rows(), o.ag()), o.ag())),
      row("clamp, with gradient", "gradient(ag.clamp(-1, 1), ag)", 20, o -> gradient(o.ag().clamp(-1, 1), o.ag())),
      row("norm of rows, with gradient", "gradient(torch.linalg.vector_norm(ag, dim=1), ag)", 12,
          o -> gradient(o.ag().norm(2.0, 1), o.ag())),
      row("layer norm, with gradient", "gradient(F.layer_norm(ag, (1000,), row, row), ag)", 20,
          o -> gradient(Functional.layerNorm(o.ag(), new long[] {1000}, o.row(), o.row(), 1e-5), o.ag())),
      row("rms norm, with gradient", "gradient(F.rms_norm(ag, (1000,), row, 1e-6), ag)", 20,
          o -> gradient(Functional.rmsNorm(o.ag(), new long[] {1000}, o.row(), 1e-6), o.ag())),
      row("mse loss, with gradient", "gradient(F.mse_loss(ag, b), ag)", 20, o -> gradient(Functional.mseLoss(o.ag(), o.b()), o.ag())),
      row("group norm, with gradient", "gradient(F.group_norm(xg, 8, channels, channels), xg)", 32,
          o -> gradient(Functional.groupNorm(o.xg(), 8, o.channels(), o.channels(), 1e-5), o.xg())),
      row("average pool 2x2, with gradient", "gradient(F.avg_pool2d(xg, 2), xg)", 16,
          o -> gradient(Functional.avgPool2d(o.xg(), PoolOptions.kernel(2)), o.xg())),
      row("interpolate, bilinear, with gradient", "gradient(F.interpolate(xg, (112, 112), mode='bilinear'), xg)", 64,
          o -> gradient(Functional.interpolate(o.xg(), InterpolationMode.BILINEAR, 112, 112), o.xg())),
      row("conv 3x3, with gradient", "gradient(F.conv2d(xg, w, None, 1, 1), xg)", 25,
          o -> gradient(Functional.conv2d(o.xg(), o.w(), null, ConvOptions.of().padding(1)), o.xg())),
      row("conv, depthwise, with gradient", "gradient(F.conv2d(xg, w[:, :1], None, 1, 1, 1, 64), xg)", 25,
          o -> gradient(Functional.conv2d(o.xg(), o.w().narrow(1, 0, 1).contiguous(), null, ConvOptions.of().padding(1).groups(64)),
              o.xg())));

  private CommonOperations() {}

  /// @param expression PyTorch's
  /// @param megabytes that a call must read and write at least
  private static Workload row(String name, String expression, double megabytes, Function<Operands, Tensor> ours) {
    return new Workload("=" + expression, name, 1, 0, 0, 1e6 * megabytes, () -> {
      Operands operands = Operands.DRAWN;
      return () -> ours.apply(operands);
    });
  }

  /// That of ½·Σ y², for which no operation's gradient is always 0.
  private static Tensor gradient(Tensor y, Tensor of) {
    return Autograd.grad(List.of(y), List.of(of), List.of(y.detach())).getFirst();
  }

  private static Tensor seeded(Supplier<Tensor> drawn) {
    Random.manualSeed(0);
    return drawn.get();
  }

  /// Drawn in this order, as there.
  ///
  /// @param a normal numbers, 1000x1000
  /// @param b others
  /// @param q uniform ones, within (0.05, 0.95)
  /// @param p positive ones
  /// @param row 1000 normal numbers
  /// @param column 1000x1
  /// @param x images, 8x64x56x56
  /// @param channels a number for each of their channels
  /// @param w weights of a convolution, 64x64x3x3
  /// @param t tokens of several heads, 8x197x12x64
  /// @param s sequences of several heads, 4x8x128x64
  /// @param small matrices, 1000x4x4
  /// @param row4096 1x4096
  /// @param w4096 4096x4096
  /// @param places whole numbers below 1000, 1000x1000
  /// @param rows 1000 of them
  /// @param mask where `a` is positive
  /// @param d `a` in float64
  /// @param h `a` in bfloat16
  /// @param k `places`
  /// @param i `places` in int32
  /// @param ag `a`, whose gradient is wanted
  /// @param xg `x`, likewise
  private record Operands(Tensor a, Tensor b, Tensor q, Tensor p, Tensor row, Tensor column, Tensor x, Tensor channels, Tensor w, Tensor t,
      Tensor s,
      Tensor small, Tensor row4096, Tensor w4096, Tensor places, Tensor rows, Tensor mask, Tensor d, Tensor h, Tensor k, Tensor i,
      Tensor ag, Tensor xg) {
    static final Operands DRAWN = draw();

    private static Operands draw() {
      Random.manualSeed(0);
      Tensor a = Tensor.randn(1000, 1000);
      Tensor b = Tensor.randn(1000, 1000);
      Tensor q = Tensor.rand(1000, 1000).mul(0.9).add(0.05);
      Tensor row = Tensor.randn(1000);
      Tensor column = Tensor.randn(1000, 1);
      Tensor x = Tensor.randn(8, 64, 56, 56);
      Tensor channels = Tensor.randn(64);
      Tensor w = Tensor.randn(64, 64, 3, 3);
      Tensor t = Tensor.randn(8, 197, 12, 64);
      Tensor s = Tensor.randn(4, 8, 128, 64);
      Tensor small = Tensor.randn(1000, 4, 4);
      Tensor row4096 = Tensor.randn(1, 4096);
      Tensor w4096 = Tensor.randn(4096, 4096);
      Tensor places = Tensor.arange(1_000_000).mul(7919).remainder(1000).reshape(1000, 1000);
      Tensor rows = Tensor.arange(1000).mul(7919).remainder(1000);
      return new Operands(a, b, q, q.add(0.1), row, column, x, channels, w, t, s, small, row4096, w4096, places, rows, a.gt(0),
          a.to(DType.FLOAT64),
          a.to(DType.BFLOAT16), places, places.to(DType.INT32), a.clone().requiresGrad_(true), x.clone().requiresGrad_(true));
    }
  }
}
