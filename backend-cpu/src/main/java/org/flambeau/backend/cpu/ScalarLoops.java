package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;

/// The formulas of the operations as loops, one element at a time: the oracle of the vector loops, and what runs where
/// there is none.
final class ScalarLoops {
  private ScalarLoops() {}

  static Loop of(Compute compute, TernaryOp.Real formula) {
    return Specialization.of(MethodHandles.lookup(), Loop.class, compute == Compute.FLOAT ? Floats.class : Doubles.class, formula);
  }

  static Loop of(Compute compute, TernaryOp.Whole formula) {
    Class<? extends Loop> template = switch (compute) {
      case INT -> Ints.class;
      case LONG -> Longs.class;
      case TRUTH -> Truths.class;
      case FLOAT, DOUBLE -> throw new IllegalArgumentException("[loop] a formula over whole numbers does not compute in " + compute);
    };
    return Specialization.of(MethodHandles.lookup(), Loop.class, template, formula);
  }

  static final class Floats implements Loop {
    private static final TernaryOp.Real OP = Specialization.data(MethodHandles.lookup(), TernaryOp.Real.class);

    @Override
    public void run(long out, long a, long b, long c, int n) {
      for (long at = 0; at < 4L * n; at += 4) {
        ALL.set(FLOAT, out + at, (float) OP.apply(ALL.get(FLOAT, a + at), ALL.get(FLOAT, b + at), ALL.get(FLOAT, c + at)));
      }
    }
  }

  static final class Doubles implements Loop {
    private static final TernaryOp.Real OP = Specialization.data(MethodHandles.lookup(), TernaryOp.Real.class);

    @Override
    public void run(long out, long a, long b, long c, int n) {
      for (long at = 0; at < 8L * n; at += 8) {
        ALL.set(DOUBLE, out + at, OP.apply(ALL.get(DOUBLE, a + at), ALL.get(DOUBLE, b + at), ALL.get(DOUBLE, c + at)));
      }
    }
  }

  static final class Ints implements Loop {
    private static final TernaryOp.Whole OP = Specialization.data(MethodHandles.lookup(), TernaryOp.Whole.class);

    @Override
    public void run(long out, long a, long b, long c, int n) {
      for (long at = 0; at < 4L * n; at += 4) {
        ALL.set(INT, out + at, (int) OP.apply(ALL.get(INT, a + at), ALL.get(INT, b + at), ALL.get(INT, c + at)));
      }
    }
  }

  static final class Truths implements Loop {
    private static final TernaryOp.Whole OP = Specialization.data(MethodHandles.lookup(), TernaryOp.Whole.class);

    @Override
    public void run(long out, long a, long b, long c, int n) {
      for (long at = 0; at < n; at++) {
        ALL.set(BYTE, out + at, (byte) OP.apply(ALL.get(BYTE, a + at), ALL.get(BYTE, b + at), ALL.get(BYTE, c + at)));
      }
    }
  }

  static final class Longs implements Loop {
    private static final TernaryOp.Whole OP = Specialization.data(MethodHandles.lookup(), TernaryOp.Whole.class);

    @Override
    public void run(long out, long a, long b, long c, int n) {
      for (long at = 0; at < 8L * n; at += 8) {
        ALL.set(LONG, out + at, OP.apply(ALL.get(LONG, a + at), ALL.get(LONG, b + at), ALL.get(LONG, c + at)));
      }
    }
  }
}
