package org.flambeau.internal.ops;

import static org.flambeau.internal.ops.Unit.UNIT;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.reflect.Array;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.HostAccess;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.HalfPrecision;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Tensors from nothing: filled, counted, random, or copied from Java.
public final class Creation {
  private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long[] SCALAR = {};
  private static final Op<Unit> FILL = Op.of("fill", Derivative.of("FillBackward2", Derivative.term((g, _, _) -> g.zerosLike())));
  private static final Op<Unit> BERNOULLI = Op.of("bernoulli",
      Derivative.of("BernoulliBackward0", Derivative.term((g, _, _) -> g.zerosLike())));
  private static final Op<Unit> ZERO = Op.of("zero", Derivative.of("ZeroBackward0", Derivative.term((g, _, _) -> g.zerosLike())));
  private static final Map<Distribution, Op<Unit>> RANDOM = new EnumMap<>(Map.of(
      Distribution.UNIFORM, random("uniform", "UniformBackward0"),
      Distribution.NORMAL, random("normal", "NormalBackward0"),
      Distribution.INTEGER, random("random_int", "RandomBackward0"),
      Distribution.BERNOULLI, random("bernoulli.number", "BernoulliBackward2"),
      Distribution.EXPONENTIAL, random("exponential", "ExponentialBackward0")));

  private Creation() {}

  private static Op<Unit> random(String name, String node) {
    return Op.of(name, Derivative.of(node, Derivative.term((g, _, _) -> g.zerosLike())));
  }

  // ---- plain numbers ----

  /// A whole number as a kernel sees one.
  public static Strided hostScalar(DType dtype, long value) {
    byte[] heap = new byte[8];
    LONGS.set(heap, 0, value);
    return Strided.contiguous(new Storage(Device.CPU, heap), dtype, SCALAR);
  }

  /// A real number as a kernel sees one.
  public static Strided hostScalar(double value) {
    return hostScalar(DType.FLOAT64, Double.doubleToRawLongBits(value));
  }

  /// A real number as a kernel sees one that computes in `dtype`: rounded to that, if it is half precision.
  public static Strided hostScalar(double value, DType dtype) {
    return HalfPrecision.is(dtype) ? hostScalar(dtype, HalfPrecision.bits(dtype, (float) value)) : hostScalar(value);
  }

  public static Tensor scalar(DType dtype, double value) {
    return full(Device.CPU, dtype, Tensor.number(value));
  }

  public static Tensor scalar(long value, DType dtype) {
    return full(Device.CPU, dtype, Tensor.number(value));
  }

  // ---- filled ----

  public static Tensor empty(Device device, DType dtype, long... sizes) {
    return make(device, dtype, Layout.contiguous(checked("empty", sizes)), (_, _) -> {});
  }

  static Tensor empty(Device device, DType dtype, Layout layout) {
    return make(device, dtype, layout, (_, _) -> {});
  }

  public static Tensor emptyLike(Tensor other) {
    return empty(Op.given("empty_like", "operand 1", other).device(), other.dtype(), Layout.like(other.strided()));
  }

  /// A tensor of any dense layout, with unspecified content.
  public static Tensor emptyStrided(long[] sizes, long[] strides, DType dtype, Device device) {
    long span = Shapes.numel(sizes) == 0 ? 0 : 1;
    for (int d = 0; d < sizes.length && span > 0; d++) {
      span += (sizes[d] - 1) * strides[d];
    }
    ThreadState thread = ThreadState.current();
    Strided memory = Op.allocateNew(thread, device, dtype, Layout.contiguous(span));
    return Tensor.wrap(memory.with(0, sizes, strides), thread);
  }

  public static Tensor full(Device device, DType dtype, Tensor value, long... sizes) {
    return full("full", device, dtype, value, sizes);
  }

  /// @param op by what name the caller knows it
  public static Tensor full(String op, Device device, DType dtype, Tensor value, long... sizes) {
    Strided number = checked(op, value, dtype);
    return make(device, dtype, Layout.contiguous(checked(op, sizes)), (k, out) -> k.fill(out, number));
  }

  public static Tensor fullLike(Tensor other, Tensor value) {
    Strided number = checked("full_like", value, Op.given("full_like", "operand 1", other).dtype());
    return make(other.device(), other.dtype(), Layout.like(other.strided()), (k, out) -> k.fill(out, number));
  }

  /// A number that a tensor of `dtype` is to be filled with; half-precision dtypes take one beyond their range for infinity.
  private static Strided checked(String op, Tensor number, DType dtype) {
    if (dtype.size() != 2 || !dtype.isFloating()) {
      Promotion.checkHolds(op, dtype, HostAccess.scalarDouble(number));
    }
    return number.strided();
  }

  public static Tensor fillInPlace(Tensor self, Tensor value) {
    Strided number = checked("fill_", value, self.dtype());
    return FILL.overwrite(UNIT, self, new Tensor[] {self}, (k, out) -> k.fill(out, number));
  }

  public static Tensor zeroInPlace(Tensor self) {
    Strided zero = Tensor.number(0).strided();
    return ZERO.overwrite(UNIT, self, new Tensor[] {self}, (k, out) -> k.fill(out, zero));
  }

  public static Tensor arange(Device device, DType dtype, double start, double end, double step) {
    if (step == 0 || Double.isNaN(start + end + step)) {
      throw new IllegalArgumentException("[arange] step must be nonzero, and all bounds numbers, got start " + start + ", end " + end
          + ", step " + step);
    }
    if (step > 0 ? start > end : start < end) {
      throw new IllegalArgumentException("[arange] upper bound and lower bound inconsistent with step sign: start " + start + ", end " + end
          + ", step " + step);
    }
    long count = (long) Math.ceil((end - start) / step);
    return sequence(device, dtype, count, start, step);
  }

  /// 0, 1, … n − 1 as int64.
  public static Tensor positions(Device device, long n) {
    return sequence(device, DType.INT64, n, 0, 1);
  }

  /// `n` numbers, start + i·step, of which a float32 one is rounded once.
  static Tensor sequence(Device device, DType dtype, long n, double start, double step) {
    return make(device, dtype, Layout.contiguous(n), (k, out) -> k.arange(out, start, step));
  }

  /// From both ends towards the middle, so that both are exact.
  public static Tensor linspace(Device device, DType dtype, double start, double end, long steps) {
    if (steps < 0) {
      throw new IllegalArgumentException("[linspace] number of steps must be non-negative, got " + steps);
    }
    if (steps < 2) {
      return full(device, dtype, Tensor.number(start), steps);
    }
    double from = dtype.isFloating() ? start : (long) start;
    double to = dtype.isFloating() ? end : (long) end;
    double step = (to - from) / (steps - 1);
    try (var _ = GradMode.noGrad()) {
      long low = steps / 2;
      DType made = dtype.isFloating() ? dtype : DType.FLOAT64;
      Tensor first = sequence(device, made, low, from, step);
      Tensor last = sequence(device, made, steps - low, to, -step);
      return Joining.cat(0, first, Rearranging.flip(last, 0)).to(dtype);
    }
  }

  public static Tensor eye(Device device, DType dtype, long rows, long columns) {
    Tensor matrix = full("eye", device, dtype, Tensor.number(0), rows, columns);
    matrix.diagonal().fill_(1);
    return matrix;
  }

  private interface Filling {
    void fill(Kernels kernels, Strided out);
  }

  private static Tensor make(Device device, DType dtype, Layout layout, Filling filling) {
    ThreadState thread = ThreadState.current();
    Strided out = Op.allocateNew(thread, device, dtype, layout);
    filling.fill(Backends.kernels(device), out);
    return Tensor.wrap(out, thread);
  }

  private static long[] checked(String op, long[] sizes) {
    for (long size : sizes) {
      if (size < 0) {
        throw new IllegalArgumentException(
            "[" + op + "] Trying to create tensor with negative dimension " + size + ": " + Shapes.show(sizes));
      }
    }
    return sizes.clone();
  }

  // ---- from Java ----

  public static Tensor copyOf(MemorySegment values, DType dtype, long... sizes) {
    long[] own = checked("copy", sizes);
    requireBytes(values, dtype, own);
    return make(Device.CPU, dtype, Layout.contiguous(own), (k, out) -> k.copyFromHost(out, values));
  }

  public static Tensor over(MemorySegment segment, DType dtype, long... sizes) {
    if (!segment.isNative()) {
      throw new IllegalArgumentException("[overSegment] expected a native segment, got one on the heap: use copySegment");
    }
    long[] own = checked("overSegment", sizes);
    requireBytes(segment, dtype, own);
    Storage storage = Storage.foreign(Device.CPU, segment);
    if (!segment.isReadOnly()) {
      storage.expose();
    }
    return Tensor.wrap(Strided.contiguous(storage, dtype, own), ThreadState.current());
  }

  private static void requireBytes(MemorySegment values, DType dtype, long[] sizes) {
    long expected = Shapes.numel(sizes) * dtype.size();
    if (values.byteSize() != expected) {
      throw new IllegalArgumentException("[tensor] sizes " + Shapes.show(sizes) + " of " + dtype.label() + " take " + expected
          + " bytes, but the values given have " + values.byteSize());
    }
  }

  public static Tensor ofNested(Object nested) {
    List<Long> sizes = new ArrayList<>();
    Object level = nested;
    while (level.getClass().isArray()) {
      sizes.add((long) Array.getLength(level));
      if (level.getClass().getComponentType().isPrimitive() || Array.getLength(level) == 0) {
        break;
      }
      level = Array.get(level, 0);
    }
    Class<?> element = nested.getClass();
    while (element.isArray()) {
      element = element.getComponentType();
    }
    long[] shape = sizes.stream().mapToLong(Long::longValue).toArray();
    Object flat = Array.newInstance(element, Math.toIntExact(Shapes.numel(shape)));
    if (Array.getLength(flat) > 0) {
      flatten(nested, shape, 0, flat, 0);
    }
    return switch (flat) {
      case float[] values -> copyOf(MemorySegment.ofArray(values), DType.FLOAT32, shape);
      case double[] values -> copyOf(MemorySegment.ofArray(values), DType.FLOAT64, shape);
      case long[] values -> copyOf(MemorySegment.ofArray(values), DType.INT64, shape);
      case int[] values -> copyOf(MemorySegment.ofArray(values), DType.INT32, shape);
      case short[] values -> copyOf(MemorySegment.ofArray(values), DType.INT16, shape);
      case byte[] values -> copyOf(MemorySegment.ofArray(values), DType.INT8, shape);
      case boolean[] values -> {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < bytes.length; i++) {
          bytes[i] = (byte) (values[i] ? 1 : 0);
        }
        yield copyOf(MemorySegment.ofArray(bytes), DType.BOOL, shape);
      }
      default -> throw new IllegalArgumentException("[tensor] expected arrays of a primitive number type or boolean, got "
          + nested.getClass().getTypeName());
    };
  }

  private static int flatten(Object level, long[] shape, int depth, Object flat, int at) {
    if (depth >= shape.length || Array.getLength(level) != shape[depth]) {
      throw new IllegalArgumentException(
          "[tensor] expected sequence of length " + (depth < shape.length ? shape[depth] : 0) + " at dim " + depth
              + " (got " + Array.getLength(level) + "): all rows must have equal lengths");
    }
    if (depth == shape.length - 1) {
      System.arraycopy(level, 0, flat, at, (int) shape[depth]);
      return at + (int) shape[depth];
    }
    for (int i = 0; i < shape[depth]; i++) {
      at = flatten(Array.get(level, i), shape, depth + 1, flat, at);
    }
    return at;
  }

  // ---- random ----

  public static Tensor uniform(Generator generator, DType dtype, long... sizes) {
    return draw("rand", generator, Distribution.UNIFORM, requireFloat("rand", dtype), 0, 1, sizes);
  }

  /// Random numbers between 0 and 1, or normal ones, as `other` lies, and drawn in the order of its memory.
  public static Tensor randomLike(String op, Tensor other, Distribution distribution) {
    DType dtype = requireFloat(op, Op.given(op, "operand 1", other).dtype());
    return draw(Generator.defaultOf(other.device()), distribution, dtype, 0, 1, Layout.like(other.strided()));
  }

  public static Tensor normal(Generator generator, DType dtype, long... sizes) {
    return draw("randn", generator, Distribution.NORMAL, requireFloat("randn", dtype), 0, 1, sizes);
  }

  public static Tensor integers(Generator generator, DType dtype, long low, long high, long... sizes) {
    if (low >= high) {
      throw new IllegalArgumentException("[randint] random_ expects 'from' to be less than 'to', but got from=" + low + " >= to=" + high);
    }
    RandomFills.Range range = RandomFills.Range.of("randint", dtype, low, high);
    return draw("randint", generator, Distribution.INTEGER, dtype, range.from(), range.to(), sizes);
  }

  private static DType requireFloat(String op, DType dtype) {
    if (!dtype.isFloating()) {
      throw new IllegalArgumentException("[" + op + "] expected a float dtype, got " + dtype.label());
    }
    return dtype;
  }

  private static Tensor draw(String op, Generator generator, Distribution distribution, DType dtype, double a, double b, long... sizes) {
    return draw(generator, distribution, dtype, a, b, Layout.contiguous(checked(op, sizes)));
  }

  private static Tensor draw(Generator generator, Distribution distribution, DType dtype, double a, double b, Layout layout) {
    return make(generator.device(), dtype, layout, (k, out) -> {
      synchronized (generator.source()) {
        k.random(distribution, out, generator.source(), a, b);
      }
    });
  }

  /// Overwrites `self` with random numbers.
  public static Tensor randomInPlace(Tensor self, Distribution distribution, double a, double b, Generator generator) {
    Op<Unit> op = Objects.requireNonNull(RANDOM.get(distribution));
    return op.runInPlace(UNIT, self, new Tensor[] {self}, (k, out) -> {
      synchronized (generator.source()) {
        k.random(distribution, out, generator.source(), a, b);
      }
    });
  }

  public static Tensor permutation(Generator generator, long n) {
    if (n < 0) {
      throw new IllegalArgumentException("[randperm] n must be non-negative, got " + n);
    }
    return make(generator.device(), DType.INT64, Layout.contiguous(n), (k, out) -> {
      synchronized (generator.source()) {
        k.permutation(out, generator.source());
      }
    });
  }

  public static Tensor bernoulli(Generator generator, Tensor probabilities) {
    Strided p = probabilities.strided();
    requireFloat("bernoulli", p.dtype());
    return BERNOULLI.run(UNIT, p.dtype(), Layout.contiguous(p.sizes()), probabilities, (k, out) -> {
      synchronized (generator.source()) {
        k.bernoulli(out, p, generator.source());
      }
    });
  }
}
