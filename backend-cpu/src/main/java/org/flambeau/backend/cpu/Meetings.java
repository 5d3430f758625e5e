package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.ScatterOp;
import org.jspecify.annotations.Nullable;

/// What becomes of an element where another one is placed.
final class Meetings {
  /// What happens to a run of n elements.
  interface Rows {
    void apply(long to, long toStep, long from, long fromStep, long n);
  }

  /// What happens to a run of n elements in as many places, whose addresses stand at `places`, one after the other.
  interface Each {
    void apply(long places, long from, long fromStep, int n);
  }

  private static final int FEW = 32;

  private Meetings() {}

  static Rows adding(DType dtype, double alpha) {
    Element element = Element.of(dtype);
    if (dtype == DType.FLOAT32) {
      float factor = (float) alpha;
      return (to, toStep, from, fromStep, n) -> {
        long i = 0;
        if (Vectorization.PRESENT != null && toStep == Float.BYTES && fromStep == Float.BYTES) {
          i = Vectors.add(to, from, n, factor);
        }
        for (; i < n; i++) {
          long at = to + i * toStep;
          ALL.set(FLOAT, at, Math.fma(factor, ALL.get(FLOAT, from + i * fromStep), ALL.get(FLOAT, at)));
        }
      };
    }
    Rows each = oneByOne(element, dtype, alpha);
    return alpha == 1 ? byTiles(dtype, each) : each;
  }

  private static Rows oneByOne(Element element, DType dtype, double alpha) {
    if (dtype.isFloating()) {
      return (to, toStep, from, fromStep, n) -> {
        for (long i = 0; i < n; i++) {
          long at = to + i * toStep;
          element.setDouble(at, element.getDouble(at) + alpha * element.getDouble(from + i * fromStep));
        }
      };
    }
    long factor = (long) alpha;
    return (to, toStep, from, fromStep, n) -> {
      for (long i = 0; i < n; i++) {
        long at = to + i * toStep;
        element.setLong(at, element.getLong(at) + factor * element.getLong(from + i * fromStep));
      }
    };
  }

  /// By tiles of the compute type; `few`, where they are not worth that.
  private static Rows byTiles(DType dtype, Rows few) {
    Compute compute = Compute.ofElements(dtype);
    Conversion conversion = Conversion.of(dtype);
    Loop add = Loops.binary(BinaryOp.ADD, compute);
    return (to, toStep, from, fromStep, n) -> {
      if (n < FEW) {
        few.apply(to, toStep, from, fromStep, n);
        return;
      }
      long sum = Scratch.current().tile(0);
      long more = Scratch.current().tile(1);
      int count;
      for (long done = 0; done < n; done += count) {
        count = (int) Math.min(Scratch.TILE, n - done);
        conversion.load(compute, to + done * toStep, toStep, sum, count);
        conversion.load(compute, from + done * fromStep, fromStep, more, count);
        add.run(sum, sum, more, more, count);
        conversion.store(compute, sum, to + done * toStep, toStep, count);
      }
    };
  }

  /// Apart, since it is there only where vectors are.
  private static final class Vectors {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

    /// As many of n elements as fill whole vectors; returns how many.
    static long add(long to, long from, long n, float factor) {
      long whole = n - n % F.length();
      for (long i = 0; i < whole; i += F.length()) {
        long at = i * Float.BYTES;
        FloatVector a = FloatVector.fromMemorySegment(F, NativeMemory.ALL, to + at, ByteOrder.LITTLE_ENDIAN);
        FloatVector b = FloatVector.fromMemorySegment(F, NativeMemory.ALL, from + at, ByteOrder.LITTLE_ENDIAN);
        b.fma(FloatVector.broadcast(F, factor), a).intoMemorySegment(NativeMemory.ALL, to + at, ByteOrder.LITTLE_ENDIAN);
      }
      return whole;
    }
  }

  static Each of(ScatterOp op, DType dtype) {
    int width = dtype.size();
    return switch (op) {
      case ASSIGN -> (places, from, fromStep, n) -> Runs.distribute(width, places, from, fromStep, n);
      case ADD -> dtype == DType.FLOAT32 ? Meetings::addFloats : combining(Fold.SUM, dtype);
      case MUL -> combining(Fold.PRODUCT, dtype);
      case AMAX -> combining(Fold.MAX, dtype);
      case AMIN -> combining(Fold.MIN, dtype);
    };
  }

  private static void addFloats(long places, long from, long fromStep, int n) {
    for (int i = 0; i < n; i++) {
      long to = ALL.get(LONG, places + 8L * i);
      ALL.set(FLOAT, to, ALL.get(FLOAT, to) + ALL.get(FLOAT, from + i * fromStep));
    }
  }

  /// How elements of each dtype are combined. They are read without a lock, which the copies, that have no fields, allow.
  private static final @Nullable Each[][] COMBINING = new Each[Fold.values().length][DType.values().length];

  private static Each combining(Fold fold, DType dtype) {
    Each made = COMBINING[fold.ordinal()][dtype.ordinal()];
    if (made == null) {
      made = Specialization.of(MethodHandles.lookup(), Each.class, dtype.isFloating() ? Reals.class : Wholes.class,
          new Combination(fold, Element.of(dtype)));
      COMBINING[fold.ordinal()][dtype.ordinal()] = made;
    }
    return made;
  }

  private record Combination(Fold fold, Element element) {}

  /// One element with another, copied for each dtype; float64 holds sums and products of narrower ones exactly enough that these round once.
  private static final class Reals implements Each {
    private static final Combination OF = Specialization.data(MethodHandles.lookup(), Combination.class);
    private static final Element ELEMENT = OF.element();
    private static final DoubleBinaryOperator COMBINE = OF.fold().realCombine;

    @Override
    public void apply(long places, long from, long fromStep, int n) {
      for (int i = 0; i < n; i++) {
        long to = ALL.get(LONG, places + 8L * i);
        ELEMENT.setDouble(to, COMBINE.applyAsDouble(ELEMENT.getDouble(to), ELEMENT.getDouble(from + i * fromStep)));
      }
    }
  }

  private static final class Wholes implements Each {
    private static final Combination OF = Specialization.data(MethodHandles.lookup(), Combination.class);
    private static final Element ELEMENT = OF.element();
    private static final LongBinaryOperator COMBINE = OF.fold().wholeCombine;

    @Override
    public void apply(long places, long from, long fromStep, int n) {
      for (int i = 0; i < n; i++) {
        long to = ALL.get(LONG, places + 8L * i);
        ELEMENT.setLong(to, COMBINE.applyAsLong(ELEMENT.getLong(to), ELEMENT.getLong(from + i * fromStep)));
      }
    }
  }
}
