package org.flambeau.internal.ops;

import static org.flambeau.internal.ops.Unit.UNIT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.flambeau.MemoryFormat;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.DeviceMemory;
import org.flambeau.spi.Strided;

/// Copies of tensors, on one device and between devices.
public final class Copies {
  private static final Op<Unit> CLONE = Op.of("clone", Derivative.of("CloneBackward0", Derivative.term((g, _, _) -> g)));
  private static final Op<Unit> TO_FORMAT = Op.of("to_format", Derivative.of("ToCopyBackward0", Derivative.term((g, _, _) -> g)));
  static final Op<Unit> COPY = Op.of("copy", Derivative.of("CopyBackwards",
      Derivative.term((g, _, _) -> g.zerosLike()), Derivative.term((g, _, _) -> g)));

  private Copies() {}

  /// The same values in memory of their own, in the same order of dimensions.
  public static Tensor clone(Tensor x) {
    Strided in = x.strided();
    return CLONE.run(UNIT, x.dtype(), Layout.like(in), x, (k, out) -> k.copy(out, in));
  }

  /// Row-major: `x` itself where it is already.
  public static Tensor contiguous(Tensor x) {
    return x.isContiguous() ? x : copy(CLONE, x, MemoryFormat.CONTIGUOUS);
  }

  /// In the given format: `x` itself where it is so already, also as PyTorch sees it where sizes of 1 leave that open.
  public static Tensor contiguous(Tensor x, MemoryFormat format) {
    requirePossible("contiguous", x, format);
    return isContiguous(x, format) ? x : copy(CLONE, x, format);
  }

  /// [#contiguous(Tensor, MemoryFormat)], but where sizes of 1 leave the format open, the strides say it afterwards.
  public static Tensor to(Tensor x, MemoryFormat format) {
    requirePossible("to", x, format);
    boolean said = Layout.isChannelsLast(x.strided()) == (format == MemoryFormat.CHANNELS_LAST);
    return said && isContiguous(x, format) ? x : copy(TO_FORMAT, x, format);
  }

  /// A copy in row-major order, also of what is so already.
  static Tensor rowMajor(Tensor x) {
    return copy(CLONE, x, MemoryFormat.CONTIGUOUS);
  }

  private static Tensor copy(Op<Unit> op, Tensor x, MemoryFormat format) {
    Strided in = x.strided();
    return op.run(UNIT, x.dtype(), Layout.of(format, in.sizes()), x, (k, out) -> k.copy(out, in));
  }

  /// `result`, computed from the images `x`, channels-last where they are.
  static Tensor asImages(Tensor x, Tensor result) {
    return Layout.isChannelsLast(x.strided()) ? to(result, MemoryFormat.CHANNELS_LAST) : result;
  }

  /// Whether the elements of `x` lie in that order without gaps.
  public static boolean isContiguous(Tensor x, MemoryFormat format) {
    return format == MemoryFormat.CONTIGUOUS ? x.isContiguous() : x.dim() == 4 && Layout.channelsLast(x.sizes()).fits(x.strided());
  }

  private static void requirePossible(String op, Tensor x, MemoryFormat format) {
    if (format == MemoryFormat.CHANNELS_LAST && x.dim() != 4) {
      throw new IllegalArgumentException(
          "[" + op + "] required rank 4 tensor to use channels_last format, got sizes " + Shapes.show(x.sizes()));
    }
  }

  /// A copy for the derivative of an operation that is about to change `x`: with x's history, but not recorded itself.
  static Tensor snapshot(Tensor x) {
    ThreadState thread = ThreadState.current();
    int modes = thread.modes;
    thread.modes |= ThreadState.NO_GRAD;
    try {
      Tensor copy = clone(x);
      copy.autograd().takeHistoryOf(x);
      return copy;
    } finally {
      thread.modes = modes;
    }
  }

  /// Overwrites `self` with `source`, broadcast and cast.
  public static Tensor copyInto(Tensor self, Tensor source) {
    long[] sizes = self.strided().sizes();
    if (!Arrays.equals(Shapes.broadcast("copy_", sizes, Op.given("copy_", "source", source).strided().sizes()), sizes)) {
      throw new IllegalArgumentException("[copy_] sizes " + Shapes.show(source.strided().sizes()) + " of the source do not broadcast to "
          + Shapes.show(sizes) + " of the tensor that is written to");
    }
    if (Overlaps.same(self.strided(), source.strided())) {
      return COPY.overwrite(UNIT, self, new Tensor[] {self, source}, (_, _) -> {}); // also where elements share a place
    }
    return COPY.runInPlace(UNIT, self, new Tensor[] {self, source}, (k, out) -> {
      Strided in = Shapes.expand(source.strided(), sizes);
      if (source.strided().isHostScalar()) {
        k.fill(out, source.strided());
      } else if (source.device().equals(self.device())) {
        k.copy(out, unaliased(self, in));
      } else {
        Tensor there = source.contiguous().to(self.device()).to(self.dtype());
        k.copy(out, Shapes.expand(there.strided(), sizes));
      }
    });
  }

  /// `operand`, or a copy of it where writing `self` in place would change it before it is read: they overlap without
  /// being the same.
  static Strided unaliased(Tensor self, Strided operand) {
    Strided own = self.strided();
    if (operand.storage() != own.storage() || operand.offset() == own.offset() && Arrays.equals(operand.strides(), own.strides())) {
      return operand;
    }
    Strided copy = Layout.like(operand).over(
        DeviceMemory.of(self.device()).allocate(operand.numel(), operand.dtype(), ThreadState.current()), operand.dtype());
    Backends.kernels(self.device()).copy(copy, operand);
    return copy;
  }

  /// `operand`, or a copy of it where it may lie in the memory of `self`, which is about to be written in another order; refuses one that
  /// does for certain.
  static Tensor apart(String op, Tensor self, Tensor operand) {
    Overlaps.refuseAny(op, self, operand);
    return separate(self, operand);
  }

  /// `operand`, or a copy of it where it lies in the storage of `self`.
  static Tensor separate(Tensor self, Tensor operand) {
    return operand.strided().storage() == self.strided().storage() ? operand.clone() : operand;
  }

  /// Copies `x`, contiguous, to the contiguous `out` of another device.
  static void acrossDevices(Strided out, Strided x) {
    long bytes = x.numel() * x.dtype().size();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(Math.max(bytes, 1), 64).asSlice(0, bytes);
      Backends.kernels(x.device()).copyToHost(host, x);
      Backends.kernels(out.device()).copyFromHost(out, host);
    }
  }
}
