package org.flambeau;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.flambeau.internal.ops.Creation;
import org.flambeau.internal.ops.Einsum;
import org.flambeau.internal.ops.Indexing;
import org.flambeau.internal.ops.Joining;
import org.flambeau.internal.ops.Op;
import org.flambeau.internal.ops.Rearranging;
import org.flambeau.internal.ops.Selection;
import org.flambeau.spi.Distribution;

/// How tensors come to be; called as `Tensor.ones(2, 3)`.
///
/// Without a dtype results are float32, without a device they are on the CPU. None requires grad but what is made of tensors that do. Errors:
/// `IllegalArgumentException` for negative sizes, or values that do not fit them.
abstract sealed class TensorFactories permits Tensor {
  TensorFactories() {}

  // ---- from Java ----

  /// A vector of float32.
  public static Tensor of(float... values) {
    return Creation.copyOf(MemorySegment.ofArray(values), DType.FLOAT32, values.length);
  }

  /// A vector of float64.
  public static Tensor of(double... values) {
    return Creation.copyOf(MemorySegment.ofArray(values), DType.FLOAT64, values.length);
  }

  /// A vector of int64.
  public static Tensor of(long... values) {
    return Creation.copyOf(MemorySegment.ofArray(values), DType.INT64, values.length);
  }

  /// A vector of int32.
  public static Tensor of(int... values) {
    return Creation.copyOf(MemorySegment.ofArray(values), DType.INT32, values.length);
  }

  /// A vector of bool.
  public static Tensor of(boolean... values) {
    return Creation.ofNested(values);
  }

  /// A matrix of float32.
  public static Tensor of(float[][] values) {
    return Creation.ofNested(values);
  }

  /// A matrix of float64.
  public static Tensor of(double[][] values) {
    return Creation.ofNested(values);
  }

  /// A matrix of int64.
  public static Tensor of(long[][] values) {
    return Creation.ofNested(values);
  }

  /// A matrix of int32.
  public static Tensor of(int[][] values) {
    return Creation.ofNested(values);
  }

  /// A matrix of bool.
  public static Tensor of(boolean[][] values) {
    return Creation.ofNested(values);
  }

  /// A tensor of rank 3 of float32.
  public static Tensor of(float[][][] values) {
    return Creation.ofNested(values);
  }

  /// A tensor of rank 3 of float64.
  public static Tensor of(double[][][] values) {
    return Creation.ofNested(values);
  }

  /// A tensor from a Java array of arrays (… of arrays) of a primitive type, all of equal length at each level; the element
  /// type decides the dtype: byte → int8, short → int16, int → int32, long → int64, float, double, boolean.
  public static Tensor fromArray(Object nested) {
    return Creation.ofNested(nested);
  }

  /// A vector's values as a tensor of the given sizes.
  public static Tensor fromArray(float[] values, long... sizes) {
    return Creation.copyOf(MemorySegment.ofArray(values), DType.FLOAT32, sizes);
  }

  /// A vector's values as a tensor of the given sizes.
  public static Tensor fromArray(double[] values, long... sizes) {
    return Creation.copyOf(MemorySegment.ofArray(values), DType.FLOAT64, sizes);
  }

  /// A vector's values as a tensor of the given sizes.
  public static Tensor fromArray(long[] values, long... sizes) {
    return Creation.copyOf(MemorySegment.ofArray(values), DType.INT64, sizes);
  }

  /// A vector's bytes as a uint8 tensor of the given sizes.
  public static Tensor fromBytes(byte[] values, long... sizes) {
    return Creation.copyOf(MemorySegment.ofArray(values), DType.UINT8, sizes);
  }

  /// A tensor over native memory, without a copy: what is written to one changes the other. The tensor keeps the segment
  /// reachable; who closes its arena earlier must not use the tensor afterwards. Since
  /// its owner may write to it at any time, nothing that is computed from it (weights in a kernel's layout, with a norm folded in, in a lower
  /// precision) is kept for the next use, unless the segment is read-only.
  ///
  /// @throws IllegalArgumentException where the segment is on the heap, or its size is not the elements'
  public static Tensor overSegment(MemorySegment segment, DType dtype, long... sizes) {
    return Creation.over(segment, dtype, sizes);
  }

  /// A tensor with a copy of a segment's little-endian values, row-major.
  public static Tensor copySegment(MemorySegment segment, DType dtype, long... sizes) {
    return Creation.copyOf(segment, dtype, sizes);
  }

  /// A float32 tensor of rank 0.
  public static Tensor scalar(float value) {
    return Creation.scalar(DType.FLOAT32, value);
  }

  /// A float64 tensor of rank 0.
  public static Tensor scalar(double value) {
    return Creation.scalar(DType.FLOAT64, value);
  }

  /// An int64 tensor of rank 0.
  public static Tensor scalar(long value) {
    return Creation.scalar(value, DType.INT64);
  }

  /// An int32 tensor of rank 0.
  public static Tensor scalar(int value) {
    return Creation.scalar(value, DType.INT32);
  }

  /// A bool tensor of rank 0.
  public static Tensor scalar(boolean value) {
    return Creation.scalar(value ? 1 : 0, DType.BOOL);
  }

  // ---- filled ----

  /// Memory as it comes: the content is not specified.
  public static Tensor empty(long... sizes) {
    return Creation.empty(Device.CPU, DType.FLOAT32, sizes);
  }

  /// [#empty(long...)] of a dtype.
  public static Tensor empty(DType dtype, long... sizes) {
    return Creation.empty(Device.CPU, dtype, sizes);
  }

  /// [#empty(long...)] of a dtype on a device.
  public static Tensor empty(Device device, DType dtype, long... sizes) {
    return Creation.empty(device, dtype, sizes);
  }

  public static Tensor zeros(long... sizes) {
    return Creation.full("zeros", Device.CPU, DType.FLOAT32, Tensor.number(0), sizes);
  }

  public static Tensor zeros(DType dtype, long... sizes) {
    return Creation.full("zeros", Device.CPU, dtype, Tensor.number(0), sizes);
  }

  public static Tensor zeros(Device device, DType dtype, long... sizes) {
    return Creation.full("zeros", device, dtype, Tensor.number(0), sizes);
  }

  public static Tensor ones(long... sizes) {
    return Creation.full("ones", Device.CPU, DType.FLOAT32, Tensor.number(1), sizes);
  }

  public static Tensor ones(DType dtype, long... sizes) {
    return Creation.full("ones", Device.CPU, dtype, Tensor.number(1), sizes);
  }

  public static Tensor ones(Device device, DType dtype, long... sizes) {
    return Creation.full("ones", device, dtype, Tensor.number(1), sizes);
  }

  /// All elements `value`, float32.
  public static Tensor full(double value, long... sizes) {
    return Creation.full(Device.CPU, DType.FLOAT32, Tensor.number(value), sizes);
  }

  /// All elements `value`, of a dtype.
  public static Tensor full(DType dtype, double value, long... sizes) {
    return Creation.full(Device.CPU, dtype, Tensor.number(value), sizes);
  }

  /// All elements `value`, of a dtype, on a device.
  public static Tensor full(Device device, DType dtype, double value, long... sizes) {
    return Creation.full(device, dtype, Tensor.number(value), sizes);
  }

  /// Zeros of another tensor's sizes, dtype and device.
  public static Tensor zerosLike(Tensor other) {
    return Creation.fullLike(other, Tensor.number(0));
  }

  /// Ones of another tensor's sizes, dtype and device.
  public static Tensor onesLike(Tensor other) {
    return Creation.fullLike(other, Tensor.number(1));
  }

  /// `value` in another tensor's sizes, dtype and device.
  public static Tensor fullLike(Tensor other, double value) {
    return Creation.fullLike(other, Tensor.number(value));
  }

  /// `value` in another tensor's sizes, dtype and device.
  public static Tensor fullLike(Tensor other, long value) {
    return Creation.fullLike(other, Tensor.number(value));
  }

  /// Memory as it comes, of another tensor's sizes, dtype, device and, where that is dense, strides.
  public static Tensor emptyLike(Tensor other) {
    return Creation.emptyLike(other);
  }

  /// 0, 1, …, end − 1 as int64.
  public static Tensor arange(long end) {
    return Creation.arange(Device.CPU, DType.INT64, 0, end, 1);
  }

  /// start, start + 1, …, end − 1 as int64.
  public static Tensor arange(long start, long end) {
    return Creation.arange(Device.CPU, DType.INT64, start, end, 1);
  }

  /// start, start + step, … before `end`, as int64.
  public static Tensor arange(long start, long end, long step) {
    return Creation.arange(Device.CPU, DType.INT64, start, end, step);
  }

  /// start, start + step, … before `end`, as float32.
  public static Tensor arange(double start, double end, double step) {
    return Creation.arange(Device.CPU, DType.FLOAT32, start, end, step);
  }

  /// start, start + step, … before `end`, of a dtype.
  public static Tensor arange(DType dtype, double start, double end, double step) {
    return Creation.arange(Device.CPU, dtype, start, end, step);
  }

  /// start, start + step, … before `end`, of a dtype, made on a device.
  public static Tensor arange(Device device, DType dtype, double start, double end, double step) {
    return Creation.arange(device, dtype, start, end, step);
  }

  /// `steps` values from `start` to `end`, both included, at equal distances, as float32.
  public static Tensor linspace(double start, double end, long steps) {
    return Creation.linspace(Device.CPU, DType.FLOAT32, start, end, steps);
  }

  /// [#linspace(double, double, long)] of a dtype; of an integral one from and to ends without fractions, and each without its own.
  public static Tensor linspace(DType dtype, double start, double end, long steps) {
    return Creation.linspace(Device.CPU, dtype, start, end, steps);
  }

  /// [#linspace(DType, double, double, long)], made on a device.
  public static Tensor linspace(Device device, DType dtype, double start, double end, long steps) {
    return Creation.linspace(device, dtype, start, end, steps);
  }

  /// The identity matrix of size n.
  public static Tensor eye(long n) {
    return Creation.eye(Device.CPU, DType.FLOAT32, n, n);
  }

  /// A matrix with ones on its main diagonal.
  public static Tensor eye(long rows, long columns) {
    return Creation.eye(Device.CPU, DType.FLOAT32, rows, columns);
  }

  /// [#eye(long, long)] of a dtype, made on a device.
  public static Tensor eye(Device device, DType dtype, long rows, long columns) {
    return Creation.eye(device, dtype, rows, columns);
  }

  // ---- random, from the device's default generator unless one is given ----

  /// Uniform in [0, 1).
  public static Tensor rand(long... sizes) {
    return Creation.uniform(Generator.defaultOf(Device.CPU), DType.FLOAT32, sizes);
  }

  /// Uniform in [0, 1), of a dtype.
  public static Tensor rand(DType dtype, long... sizes) {
    return Creation.uniform(Generator.defaultOf(Device.CPU), dtype, sizes);
  }

  /// Uniform in [0, 1), from a generator, on its device.
  public static Tensor rand(Generator generator, DType dtype, long... sizes) {
    return Creation.uniform(generator, dtype, sizes);
  }

  /// Normal with mean 0 and standard deviation 1.
  public static Tensor randn(long... sizes) {
    return Creation.normal(Generator.defaultOf(Device.CPU), DType.FLOAT32, sizes);
  }

  /// Normal with mean 0 and standard deviation 1, of a dtype.
  public static Tensor randn(DType dtype, long... sizes) {
    return Creation.normal(Generator.defaultOf(Device.CPU), dtype, sizes);
  }

  /// Normal with mean 0 and standard deviation 1, from a generator, on its device.
  public static Tensor randn(Generator generator, DType dtype, long... sizes) {
    return Creation.normal(generator, dtype, sizes);
  }

  /// Uniform in [0, 1), of another tensor's sizes, dtype and device.
  public static Tensor randLike(Tensor other) {
    return Creation.randomLike("rand_like", other, Distribution.UNIFORM);
  }

  /// Normal with mean 0 and standard deviation 1, of another tensor's sizes, dtype and device.
  public static Tensor randnLike(Tensor other) {
    return Creation.randomLike("randn_like", other, Distribution.NORMAL);
  }

  /// Whole numbers in [low, high), int64.
  public static Tensor randint(long low, long high, long... sizes) {
    return Creation.integers(Generator.defaultOf(Device.CPU), DType.INT64, low, high, sizes);
  }

  /// Whole numbers in [low, high), from a generator, on its device.
  public static Tensor randint(Generator generator, DType dtype, long low, long high, long... sizes) {
    return Creation.integers(generator, dtype, low, high, sizes);
  }

  /// 0 … n − 1 in a random order, int64.
  public static Tensor randperm(long n) {
    return Creation.permutation(Generator.defaultOf(Device.CPU), n);
  }

  /// 0 … n − 1 in a random order, int64, from a generator, on its device.
  public static Tensor randperm(Generator generator, long n) {
    return Creation.permutation(generator, n);
  }

  /// For each element of `probabilities`, 1 with that probability, else 0.
  public static Tensor bernoulli(Tensor probabilities) {
    return Creation.bernoulli(Generator.defaultOf(probabilities.device()), probabilities);
  }

  // ---- from tensors ----

  /// The tensors one after the other along their first dimension; they agree in all other sizes.
  public static Tensor cat(List<Tensor> tensors) {
    return cat(tensors, 0);
  }

  /// The tensors one after the other along `dim`; they agree in all other sizes.
  public static Tensor cat(List<Tensor> tensors, int dim) {
    return Joining.cat(dim, tensors.toArray(Tensor[]::new));
  }

  /// The tensors, of equal sizes, along a new first dimension.
  public static Tensor stack(List<Tensor> tensors) {
    return stack(tensors, 0);
  }

  /// The tensors, of equal sizes, along a new dimension `dim`.
  public static Tensor stack(List<Tensor> tensors, int dim) {
    return Joining.stack(dim, tensors.toArray(Tensor[]::new));
  }

  /// a where `condition` is true, b elsewhere, all broadcast to common sizes.
  public static Tensor where(Tensor condition, Tensor a, Tensor b) {
    return Selection.where(condition, a, b);
  }

  /// A number where `condition` is true, b elsewhere.
  public static Tensor where(Tensor condition, double a, Tensor b) {
    return Selection.where(condition, Tensor.number(a), b);
  }

  /// a where `condition` is true, a number elsewhere.
  public static Tensor where(Tensor condition, Tensor a, double b) {
    return Selection.where(condition, a, Tensor.number(b));
  }

  /// All expanded to the sizes to which they broadcast; none is copied.
  public static List<Tensor> broadcastTensors(Tensor... tensors) {
    return Rearranging.broadcastTensors(tensors);
  }

  /// The grids of all vectors' coordinates, `indexing` "ij" or "xy": with "xy" the first two dimensions change places.
  ///
  /// Shapes: n vectors of lengths (s₁, …, sₙ) → n views of sizes (s₁, …, sₙ).
  public static List<Tensor> meshgrid(List<Tensor> vectors, String indexing) {
    return Rearranging.meshgrid(vectors, indexing);
  }

  /// Σ of products in Einstein's notation: `einsum("bij,bjk->bik", a, b)`.
  ///
  /// Every operand has a letter for each of its dimensions, `...` standing for any number of them; the letters behind the
  /// arrow are the result's dimensions, and the product is summed over all others. Without an arrow the result has the
  /// ellipsis and the letters that appear once, in alphabetical order. A letter twice in one operand takes its diagonal.
  /// Operands are multiplied from left to right.
  public static Tensor einsum(String equation, Tensor... operands) {
    return Einsum.of(equation, operands);
  }

  /// The rows of `weight` that `indices` name.
  ///
  /// Shapes: weight (n, d), indices (…) → (…, d). DTypes: indices int64 or int32.
  public static Tensor embedding(Tensor weight, Tensor indices) {
    return Indexing.embedding(weight, indices);
  }

  /// [#embedding(Tensor, Tensor)], with a row, counted from the end where negative, that gets no gradient.
  public static Tensor embedding(Tensor weight, Tensor indices, long paddingIdx) {
    return Indexing.embedding(weight, indices, paddingIdx);
  }
}
