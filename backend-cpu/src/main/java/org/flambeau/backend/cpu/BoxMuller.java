package org.flambeau.backend.cpu;

import java.util.concurrent.atomic.LongAdder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// The Box–Muller transform over blocks of 16 uniform numbers, of which the first eight give radii and the last eight
/// angles: (√(−2·ln(1 − u))·cos 2πv, √(−2·ln(1 − u))·sin 2πv).
///
/// The float32 form takes the logarithm, sine and cosine of the Cephes library in the order of operations, fused where
/// PyTorch's AVX2 kernel has them fused, so that its results are PyTorch's to the bit.
///
/// Reference: G. E. P. Box, M. E. Muller, *A note on the generation of random normal deviates* (1958).
final class BoxMuller {
  static final int BLOCK = 16;

  /// So many numbers are transformed one by one: until the JIT has compiled the form by vectors, that takes half a second longer than all of
  /// these, and to initialise a small model is all that most programs ask for.
  private static final long FIRST = 1 << 24;

  private static final LongAdder TRANSFORMED = new LongAdder();
  private static volatile boolean vectors;

  private BoxMuller() {}

  /// Transforms the first n numbers, a multiple of [#BLOCK].
  static void transform(float[] values, int n, float mean, float deviation) {
    if (vectors) {
      Vectors.transform(values, n, mean, deviation);
      return;
    }
    Numbers.transform(values, n, mean, deviation);
    TRANSFORMED.add(n);
    if (Vectorization.PRESENT != null && TRANSFORMED.sum() >= FIRST) {
      vectors = true;
    }
  }

  /// Transforms the first n numbers, a multiple of [#BLOCK].
  static void transform(double[] values, int n, double mean, double deviation) {
    for (int i = 0; i < n; i += BLOCK) {
      for (int j = i; j < i + BLOCK / 2; j++) {
        double radius = Math.sqrt(-2 * Math.log(1 - values[j]));
        double angle = 2 * Math.PI * values[j + BLOCK / 2];
        values[j] = Math.fma(radius * Math.cos(angle), deviation, mean);
        values[j + BLOCK / 2] = Math.fma(radius * Math.sin(angle), deviation, mean);
      }
    }
  }

  /// Several at a time; apart, since it is there only where vectors are.
  static final class Vectors {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED.length() >= 8 ? FloatVector.SPECIES_256
        : FloatVector.SPECIES_128;
    private static final VectorSpecies<Integer> I = F.length() == 8 ? IntVector.SPECIES_256 : IntVector.SPECIES_128;

    private Vectors() {}

    static void transform(float[] values, int n, float mean, float deviation) {
      for (int i = 0; i < n; i += BLOCK) {
        for (int j = i; j < i + BLOCK / 2; j += F.length()) {
          FloatVector u = FloatVector.broadcast(F, 1).sub(FloatVector.fromArray(F, values, j));
          FloatVector radius = log(u).mul(-2).sqrt();
          FloatVector angle = FloatVector.fromArray(F, values, j + BLOCK / 2).mul((float) (2 * Math.PI));

          // The angle is within π/4 of j·π/4, j even; its octant decides which polynomial is which, and the signs.
          IntVector octant = ((IntVector) angle.mul(1.27323954473516f).convertShape(VectorOperators.F2I, I, 0)).add(1).and(~1);
          FloatVector y = (FloatVector) octant.convertShape(VectorOperators.I2F, F, 0);
          FloatVector x = y.fma(FloatVector.broadcast(F, -0.78515625f), angle);
          x = y.fma(FloatVector.broadcast(F, -2.4187564849853515625e-4f), x);
          x = y.fma(FloatVector.broadcast(F, -3.77489497744594108e-8f), x);
          FloatVector z = x.mul(x);
          FloatVector even = cosine(z);
          FloatVector odd = sine(x, z);
          VectorMask<Float> swap = octant.and(2).compare(VectorOperators.NE, 0).cast(F);
          FloatVector sine = odd.blend(even, swap);
          FloatVector cosine = even.blend(odd, swap);
          IntVector sineSign = octant.and(4).lanewise(VectorOperators.LSHL, 29);
          IntVector cosineSign = octant.sub(2).not().and(4).lanewise(VectorOperators.LSHL, 29);
          sine = sine.reinterpretAsInts().lanewise(VectorOperators.XOR, sineSign).reinterpretAsFloats();
          cosine = cosine.reinterpretAsInts().lanewise(VectorOperators.XOR, cosineSign).reinterpretAsFloats();

          radius.mul(cosine).fma(deviation, mean).intoArray(values, j);
          radius.mul(sine).fma(deviation, mean).intoArray(values, j + BLOCK / 2);
        }
      }
    }

    /// cos x for |x| ≤ π/4, from z = x².
    private static FloatVector cosine(FloatVector z) {
      FloatVector p = horner(FloatVector.broadcast(F, 2.443315711809948e-5f), z, -1.388731625493765e-3f);
      p = horner(p, z, 4.166664568298827e-2f).mul(z);
      return p.fma(z, z.mul(0.5f).neg()).add(1);
    }

    /// sin x for |x| ≤ π/4, z = x².
    private static FloatVector sine(FloatVector x, FloatVector z) {
      FloatVector p = horner(FloatVector.broadcast(F, -1.9515295891e-4f), z, 8.3321608736e-3f);
      return horner(p, z, -1.6666654611e-1f).mul(z).fma(x, x);
    }

    /// ln x for normal x > 0.
    private static FloatVector log(FloatVector x) {
      IntVector bits = x.reinterpretAsInts();
      FloatVector exponent = (FloatVector) bits.lanewise(VectorOperators.LSHR, 23).sub(126).convertShape(VectorOperators.I2F, F, 0);
      FloatVector fraction = bits.and(0x007fffff).or(0x3f000000).reinterpretAsFloats();
      VectorMask<Float> low = fraction.compare(VectorOperators.LT, 0.707106781186547524f);
      exponent = exponent.sub(1, low);
      FloatVector t = fraction.sub(1);
      t = t.add(fraction, low);
      FloatVector z = t.mul(t);
      FloatVector p = horner(FloatVector.broadcast(F, 7.0376836292e-2f), t, -1.1514610310e-1f);
      p = horner(p, t, 1.1676998740e-1f);
      p = horner(p, t, -1.2420140846e-1f);
      p = horner(p, t, 1.4249322787e-1f);
      p = horner(p, t, -1.6668057665e-1f);
      p = horner(p, t, 2.0000714765e-1f);
      p = horner(p, t, -2.4999993993e-1f);
      p = horner(p, t, 3.3333331174e-1f).mul(t);
      p = p.fma(z, exponent.mul(-2.12194440e-4f));
      p = z.fma(FloatVector.broadcast(F, -0.5f), p);
      return exponent.fma(FloatVector.broadcast(F, 0.693359375f), t.add(p));
    }

    private static FloatVector horner(FloatVector p, FloatVector x, float coefficient) {
      return p.fma(x, FloatVector.broadcast(F, coefficient));
    }
  }

  /// The same one by one, to the bit. There are no branches, since which way they go would be random.
  static final class Numbers {
    private Numbers() {}

    static void transform(float[] values, int n, float mean, float deviation) {
      for (int i = 0; i < n; i += BLOCK) {
        for (int j = i; j < i + BLOCK / 2; j++) {
          float radius = (float) Math.sqrt(log(1 - values[j]) * -2);
          float angle = values[j + BLOCK / 2] * (float) (2 * Math.PI);
          int octant = (int) (angle * 1.27323954473516f) + 1 & ~1;
          float x = Math.fma(octant, -0.78515625f, angle);
          x = Math.fma(octant, -2.4187564849853515625e-4f, x);
          x = Math.fma(octant, -3.77489497744594108e-8f, x);
          float z = x * x;
          int even = Float.floatToRawIntBits(cosine(z));
          int odd = Float.floatToRawIntBits(sine(x, z));
          int swap = (even ^ odd) & -(octant >> 1 & 1);
          float sine = Float.intBitsToFloat(odd ^ swap ^ (octant & 4) << 29);
          float cosine = Float.intBitsToFloat(even ^ swap ^ (~(octant - 2) & 4) << 29);
          values[j] = Math.fma(radius * cosine, deviation, mean);
          values[j + BLOCK / 2] = Math.fma(radius * sine, deviation, mean);
        }
      }
    }

    private static float cosine(float z) {
      float p = Math.fma(2.443315711809948e-5f, z, -1.388731625493765e-3f);
      p = Math.fma(p, z, 4.166664568298827e-2f) * z;
      return Math.fma(p, z, -(z * 0.5f)) + 1;
    }

    private static float sine(float x, float z) {
      float p = Math.fma(-1.9515295891e-4f, z, 8.3321608736e-3f);
      return Math.fma(Math.fma(p, z, -1.6666654611e-1f) * z, x, x);
    }

    private static float log(float x) {
      int bits = Float.floatToRawIntBits(x);
      int fraction = bits & 0x007fffff | 0x3f000000;
      int low = fraction - Float.floatToRawIntBits(0.707106781186547524f) >> 31;
      float exponent = (bits >>> 23) - 126 + low;
      float t = Float.intBitsToFloat(fraction) - 1 + Float.intBitsToFloat(fraction & low);
      float z = t * t;
      float p = Math.fma(7.0376836292e-2f, t, -1.1514610310e-1f);
      p = Math.fma(p, t, 1.1676998740e-1f);
      p = Math.fma(p, t, -1.2420140846e-1f);
      p = Math.fma(p, t, 1.4249322787e-1f);
      p = Math.fma(p, t, -1.6668057665e-1f);
      p = Math.fma(p, t, 2.0000714765e-1f);
      p = Math.fma(p, t, -2.4999993993e-1f);
      p = Math.fma(p, t, 3.3333331174e-1f) * t;
      p = Math.fma(p, z, exponent * -2.12194440e-4f);
      p = Math.fma(z, -0.5f, p);
      return Math.fma(exponent, 0.693359375f, t + p);
    }
  }
}
