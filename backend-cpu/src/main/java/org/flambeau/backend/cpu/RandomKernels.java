package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.HalfPrecision;
import org.flambeau.spi.RandomSource;
import org.flambeau.spi.Strided;

/// Random numbers: those of PyTorch's CPU generator from the same state, and the generator moves on as PyTorch's does.
///
/// Tensors are filled in the order of their memory. Where PyTorch hands Bernoulli and exponential numbers to MKL, on
/// processors of one maker, these are still the numbers that it draws from its own generator everywhere else.
final class RandomKernels {
  /// Numbers made at a time, a multiple of [BoxMuller#BLOCK], and enough to be worth a native copy, which needs no compiler.
  private static final int CHUNK = 1024;

  /// From this range on, whole numbers take 64 random bits rather than 32.
  private static final long WIDE_RANGE = 1L << 28;

  /// From this length on, a permutation takes 64 random bits a step rather than 32.
  private static final long WIDE_PERMUTATION = 0xffffffffL / 20;

  private RandomKernels() {}

  /// As [org.flambeau.spi.Kernels#random].
  static void random(Distribution distribution, Strided out, RandomSource source, double a, double b) {
    Mt19937 generator = (Mt19937) source;
    DType dtype = out.dtype();
    synchronized (generator) {
      switch (distribution) {
        case UNIFORM -> {
          if (dtype == DType.FLOAT64) {
            fillDoubles(out, doubleUniforms(generator, a, b));
          } else {
            fillFloats(out, floatUniforms(generator, dtype, (float) a, (float) b));
          }
        }
        case NORMAL -> {
          if (out.numel() < BoxMuller.BLOCK || !out.isContiguous()) {
            fillDoubles(out, normals(generator, a, b));
          } else if (dtype == DType.FLOAT64) {
            normalBlocks(out, generator, a, b);
          } else {
            normalBlocks(out, generator, (float) a, (float) b);
          }
        }
        case INTEGER -> fillLongs(out, integers(generator, (long) a, (long) b - (long) a));
        case BERNOULLI -> {
          checkProbability(a);
          fillLongs(out, bernoullis(generator, a));
        }
        case EXPONENTIAL -> fillDoubles(out, exponentials(generator, a));
      }
    }
  }

  /// As [org.flambeau.spi.Kernels#bernoulli].
  static void bernoulli(Strided out, Strided probability, RandomSource source) {
    Mt19937 generator = (Mt19937) source;
    Element to = Element.of(out.dtype());
    Element from = Element.of(probability.dtype());
    boolean wide = probability.dtype() == DType.FLOAT64;
    Nest nest = Nest.inMemoryOrder(out, probability);
    long step = nest.step(0);
    long probabilityStep = nest.step(1);
    synchronized (generator) {
      nest.forEachRun((at, n) -> {
        for (long i = 0; i < n; i++) {
          double p = from.getDouble(at[1] + i * probabilityStep);
          checkProbability(p);
          double u = wide ? generator.nextDouble() : (generator.nextInt() & 0xffffff) * 0x1p-24;
          to.setLong(at[0] + i * step, u < p ? 1 : 0);
        }
      });
    }
  }

  private static void checkProbability(double p) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("[bernoulli] a probability must lie between 0 and 1, got " + p);
    }
  }

  /// As [org.flambeau.spi.Kernels#permutation]: the Fisher–Yates shuffle from the front.
  static void permutation(Strided out, RandomSource source) {
    Mt19937 generator = (Mt19937) source;
    long n = out.numel();
    long base = out.address();
    long step = n == 0 ? 0 : out.stride(0) * Long.BYTES;
    for (long i = 0; i < n; i++) {
      ALL.set(LONG, base + i * step, i);
    }
    synchronized (generator) {
      for (long i = 0; i < n - 1; i++) {
        long ahead = n < WIDE_PERMUTATION ? (generator.nextInt() & 0xffffffffL) % (n - i)
            : Long.remainderUnsigned(generator.nextLong(), n - i);
        long here = base + i * step;
        long there = here + ahead * step;
        long value = ALL.get(LONG, here);
        ALL.set(LONG, here, ALL.get(LONG, there));
        ALL.set(LONG, there, value);
      }
    }
  }

  // ---- what is drawn ----

  private interface Floats {
    void draw(float[] values, int n);
  }

  private interface Doubles {
    void draw(double[] values, int n);
  }

  private interface Longs {
    void draw(long[] values, int n);
  }

  /// Numbers in [from, to): the lower 24 bits of each word, scaled in float32 whatever the dtype. Where rounding to the
  /// dtype reaches the upper bound, the lower one is taken.
  private static Floats floatUniforms(Mt19937 generator, DType dtype, float from, float to) {
    int[] words = new int[CHUNK];
    float range = to - from;
    float lowest = rounded(dtype, from);
    float excluded = rounded(dtype, to);
    return (values, n) -> {
      unitFloats(generator, words, values, n);
      for (int i = 0; i < n; i++) {
        values[i] = Math.fma(values[i], range, from);
      }
      for (int i = 0; i < n; i++) {
        values[i] = rounded(dtype, values[i]) == excluded ? lowest : values[i];
      }
    };
  }

  private static float rounded(DType dtype, float value) {
    return switch (dtype) {
      case FLOAT16 -> Float.float16ToFloat(Float.floatToFloat16(value));
      case BFLOAT16 -> Float.intBitsToFloat(HalfPrecision.bfloat16(value) << 16);
      default -> value;
    };
  }

  private static void unitFloats(Mt19937 generator, int[] words, float[] values, int n) {
    generator.nextInts(words, n);
    for (int i = 0; i < n; i++) {
      values[i] = (words[i] & 0xffffff) * 0x1p-24f;
    }
  }

  private static Doubles doubleUniforms(Mt19937 generator, double from, double to) {
    int[] words = new int[2 * CHUNK];
    double range = to - from;
    return (values, n) -> {
      unitDoubles(generator, words, values, n);
      for (int i = 0; i < n; i++) {
        double value = Math.fma(values[i], range, from);
        values[i] = value == to ? from : value;
      }
    };
  }

  private static void unitDoubles(Mt19937 generator, int[] words, double[] values, int n) {
    generator.nextInts(words, 2 * n);
    for (int i = 0; i < n; i++) {
      long upper = words[2 * i] & (1 << 53 - 32) - 1;
      values[i] = (upper << 32 | words[2 * i + 1] & 0xffffffffL) * 0x1p-53;
    }
  }

  private static Doubles normals(Mt19937 generator, double mean, double deviation) {
    return (values, n) -> {
      for (int i = 0; i < n; i++) {
        values[i] = Math.fma(generator.nextNormal(), deviation, mean);
      }
    };
  }

  private static Doubles exponentials(Mt19937 generator, double rate) {
    int[] words = new int[2 * CHUNK];
    double scale = -1 / rate;
    return (values, n) -> {
      unitDoubles(generator, words, values, n);
      for (int i = 0; i < n; i++) {
        values[i] = scale * Math.log1p(-values[i]);
      }
    };
  }

  private static Longs integers(Mt19937 generator, long from, long range) {
    int[] words = new int[2 * CHUNK];
    if (Long.compareUnsigned(range, WIDE_RANGE) < 0) {
      int divisor = (int) range;
      return (values, n) -> {
        generator.nextInts(words, n);
        for (int i = 0; i < n; i++) {
          values[i] = Integer.remainderUnsigned(words[i], divisor) + from;
        }
      };
    }
    return (values, n) -> {
      generator.nextInts(words, 2 * n);
      for (int i = 0; i < n; i++) {
        values[i] = Long.remainderUnsigned((long) words[2 * i] << 32 | words[2 * i + 1] & 0xffffffffL, range) + from;
      }
    };
  }

  private static Longs bernoullis(Mt19937 generator, double p) {
    int[] words = new int[2 * CHUNK];
    double[] uniforms = new double[CHUNK];
    return (values, n) -> {
      unitDoubles(generator, words, uniforms, n);
      for (int i = 0; i < n; i++) {
        values[i] = uniforms[i] < p ? 1 : 0;
      }
    };
  }

  // ---- where it goes ----

  private static void fillFloats(Strided out, Floats source) {
    float[] values = new float[CHUNK];
    inChunks(out, (to, step, n) -> {
      source.draw(values, n);
      Runs.store(out.dtype(), to, step, values, 0, n);
    });
  }

  private static void fillDoubles(Strided out, Doubles source) {
    double[] values = new double[CHUNK];
    inChunks(out, (to, step, n) -> {
      source.draw(values, n);
      Runs.store(out.dtype(), to, step, values, 0, n);
    });
  }

  private static void fillLongs(Strided out, Longs source) {
    long[] values = new long[CHUNK];
    inChunks(out, (to, step, n) -> {
      source.draw(values, n);
      Runs.store(out.dtype(), to, step, values, n);
    });
  }

  private interface Chunk {
    void make(long to, long step, int n);
  }

  private static void inChunks(Strided out, Chunk chunk) {
    Nest nest = Nest.inMemoryOrder(out);
    long step = nest.step(0);
    nest.forEachRun((at, n) -> {
      for (long i = 0; i < n; i += CHUNK) {
        chunk.make(at[0] + i * step, step, (int) Math.min(n - i, CHUNK));
      }
    });
  }

  /// Normal numbers by whole blocks. Elements left over redo the last block over elements already made, from words that
  /// follow; in float32 as in float64, the words that would have been theirs are drawn before and not used.
  private static void normalBlocks(Strided out, Mt19937 generator, float mean, float deviation) {
    DType dtype = out.dtype();
    int[] words = new int[CHUNK];
    float[] values = new float[CHUNK];
    int width = dtype.size();
    long left = out.numel() % BoxMuller.BLOCK;
    long whole = out.numel() - left;
    for (long i = 0; i < whole; i += CHUNK) {
      int n = (int) Math.min(whole - i, CHUNK);
      unitFloats(generator, words, values, n);
      BoxMuller.transform(values, n, mean, deviation);
      Runs.store(dtype, out.address() + i * width, width, values, 0, n);
    }
    if (left > 0) {
      generator.skip(dtype == DType.FLOAT32 ? (int) left : 0);
      unitFloats(generator, words, values, BoxMuller.BLOCK);
      BoxMuller.transform(values, BoxMuller.BLOCK, mean, deviation);
      Runs.store(dtype, out.address() + (out.numel() - BoxMuller.BLOCK) * width, width, values, 0, BoxMuller.BLOCK);
    }
  }

  private static void normalBlocks(Strided out, Mt19937 generator, double mean, double deviation) {
    int[] words = new int[2 * CHUNK];
    double[] values = new double[CHUNK];
    long left = out.numel() % BoxMuller.BLOCK;
    long whole = out.numel() - left;
    for (long i = 0; i < whole; i += CHUNK) {
      int n = (int) Math.min(whole - i, CHUNK);
      unitDoubles(generator, words, values, n);
      BoxMuller.transform(values, n, mean, deviation);
      Runs.store(DType.FLOAT64, out.address() + i * Double.BYTES, Double.BYTES, values, 0, n);
    }
    if (left > 0) {
      generator.skip((int) (2 * left));
      unitDoubles(generator, words, values, BoxMuller.BLOCK);
      BoxMuller.transform(values, BoxMuller.BLOCK, mean, deviation);
      long last = out.address() + (out.numel() - BoxMuller.BLOCK) * Double.BYTES;
      Runs.store(DType.FLOAT64, last, Double.BYTES, values, 0, BoxMuller.BLOCK);
    }
  }
}
