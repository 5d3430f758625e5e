package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import org.flambeau.backend.cpu.BFloat16Lanes;
import org.flambeau.backend.cpu.RowKernels;
import org.flambeau.backend.cpu.Scratch;

/// Rows on vectors.
///
/// The elements that fill no vector stay in a register through all passes, in lanes beside which stands what changes no sum.
/// Sums are taken over runs, so that their rounding errors stay few, and added in double.
final class FloatRows implements RowKernels {
  private static final int LANES = SPECIES.length();
  private static final int STEP = SPECIES.vectorByteSize();
  private static final int RUN = 4096 * Float.BYTES;
  private static final long SQUARE = (long) LANES * STEP;
  private static final int SHUFFLES = Integer.numberOfTrailingZeros(LANES);

  @Override
  public void softmax(long out, long x, int n) {
    int rest = n % LANES;
    int whole = (n - rest) * Float.BYTES;
    VectorMask<Float> inRow = SPECIES.indexInRange(0, rest);
    FloatVector tail = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    tail = rest > 0 ? tail.blend(FloatTail.load(x + whole, rest), inRow) : tail;
    FloatVector a = tail;
    FloatVector b = tail;
    int at = 0;
    for (; at < whole - STEP; at += 2 * STEP) {
      a = larger(a, load(x + at));
      b = larger(b, load(x + at + STEP));
    }
    a = at < whole ? larger(a, load(x + at)) : a;
    FloatVector largest = FloatVector.broadcast(SPECIES, FloatMath.largestLane(larger(a, b)));
    tail = FloatMath.expBelow(tail.sub(largest));
    double total = FloatMath.sumOfLanes(tail);
    for (int run = 0; run < whole; run += RUN) {
      int end = Math.min(run + RUN, whole);
      FloatVector sum = zero();
      for (int i = run; i < end; i += STEP) {
        FloatVector power = FloatMath.expBelow(load(x + i).sub(largest));
        power.intoMemorySegment(ALL, out + i, LITTLE_ENDIAN);
        sum = sum.add(power);
      }
      total += FloatMath.sumOfLanes(sum);
    }
    FloatVector scale = FloatVector.broadcast(SPECIES, (float) (1 / total));
    for (int i = 0; i < whole; i += STEP) {
      load(out + i).mul(scale).intoMemorySegment(ALL, out + i, LITTLE_ENDIAN);
    }
    if (rest > 0) {
      FloatTail.store(tail.mul(scale), out + whole, rest);
    }
  }

  @Override
  public float largest(long x, int n) {
    int whole = n * Float.BYTES;
    FloatVector a = load(x);
    FloatVector b = a;
    int at = STEP;
    for (; at < whole - STEP; at += 2 * STEP) {
      a = larger(a, load(x + at));
      b = larger(b, load(x + at + STEP));
    }
    a = at < whole ? larger(a, load(x + at)) : a;
    return FloatMath.largestLane(larger(a, b));
  }

  @Override
  public double exponentials(long x, float largest, int n) {
    FloatVector max = FloatVector.broadcast(SPECIES, largest);
    int whole = n * Float.BYTES;
    double total = 0;
    for (int run = 0; run < whole; run += RUN) {
      int end = Math.min(run + RUN, whole);
      FloatVector sum = zero();
      for (int i = run; i < end; i += STEP) {
        FloatVector power = FloatMath.expBelow(load(x + i).sub(max));
        power.intoMemorySegment(ALL, x + i, LITTLE_ENDIAN);
        sum = sum.add(power);
      }
      total += FloatMath.sumOfLanes(sum);
    }
    return total;
  }

  @Override
  public double roundedExponentials(long weights, long x, float scale, float largest, int n) {
    FloatVector factor = FloatVector.broadcast(SPECIES, scale);
    FloatVector shift = FloatVector.broadcast(SPECIES, largest);
    int whole = n * Float.BYTES;
    double total = 0;
    for (int run = 0; run < whole; run += RUN) {
      int end = Math.min(run + RUN, whole);
      FloatVector sum = zero();
      for (int i = run; i < end; i += STEP) {
        FloatVector power = FloatMath.expBelow(load(x + i).mul(factor).sub(shift));
        BFloat16Lanes.store(power, weights + i / 2);
        sum = sum.add(power);
      }
      total += FloatMath.sumOfLanes(sum);
    }
    return total;
  }

  @Override
  public void scoreGradients(long weights, long scoreGrads, long scores, long weightGrads, float scale, float logSumExp, int n) {
    double mean = 0;
    int whole = n * Float.BYTES;
    for (int run = 0; run < whole; run += RUN) {
      mean += weights(weights + run / 2, scores + run, weightGrads + run, scale, logSumExp, Math.min(RUN, whole - run));
    }
    FloatVector shift = FloatVector.broadcast(SPECIES, (float) mean);
    FloatVector factor = FloatVector.broadcast(SPECIES, scale);
    for (int i = 0; i < whole; i += STEP) {
      BFloat16Lanes.store(load(weightGrads + i).sub(shift).mul(load(scores + i)).mul(factor), scoreGrads + i / 2);
    }
  }

  /// Writes weights in the place of scores, and rounded; gives the sum of their products with `grads`.
  private float weights(long rounded, long scores, long grads, float scale, float logSumExp, int bytes) {
    FloatVector factor = FloatVector.broadcast(SPECIES, scale);
    FloatVector shift = FloatVector.broadcast(SPECIES, logSumExp);
    FloatVector sum = zero();
    for (int i = 0; i < bytes; i += STEP) {
      FloatVector weight = FloatMath.expBelow(load(scores + i).mul(factor).sub(shift));
      weight.intoMemorySegment(ALL, scores + i, LITTLE_ENDIAN);
      BFloat16Lanes.store(weight, rounded + i / 2);
      sum = weight.fma(load(grads + i), sum);
    }
    return FloatMath.sumOfLanes(sum);
  }

  /// The elements that fill no vector come last here: the processor reads ahead of rows that are met in the order of their addresses. The loops
  /// count addresses, not elements: of those the compiler would take the checks out, which costs more than the checks of a short row.
  @Override
  public void softmaxBackward(long out, long grad, long y, int n) {
    int rest = n % LANES;
    long whole = grad + (long) (n - rest) * Float.BYTES;
    long toY = y - grad;
    double total = 0;
    for (long run = grad; run < whole; run += RUN) {
      long end = Math.min(run + RUN, whole);
      FloatVector a = zero();
      FloatVector b = zero();
      long at = run;
      for (; at < end - STEP; at += 2 * STEP) {
        a = load(at).fma(load(at + toY), a);
        b = load(at + STEP).fma(load(at + toY + STEP), b);
      }
      a = at < end ? load(at).fma(load(at + toY), a) : a;
      total += FloatMath.sumOfLanes(a.add(b));
    }
    VectorMask<Float> inRow = SPECIES.indexInRange(0, rest);
    FloatVector lastGrad = rest > 0 ? zero().blend(FloatTail.load(whole, rest), inRow) : zero();
    FloatVector lastY = rest > 0 ? zero().blend(FloatTail.load(whole + toY, rest), inRow) : zero();
    total += FloatMath.sumOfLanes(lastGrad.mul(lastY));
    FloatVector sum = FloatVector.broadcast(SPECIES, (float) total);
    long toOut = out - grad;
    for (long at = grad; at < whole; at += STEP) {
      load(at).sub(sum).mul(load(at + toY)).intoMemorySegment(ALL, at + toOut, LITTLE_ENDIAN);
    }
    if (rest > 0) {
      FloatTail.store(lastGrad.sub(sum).mul(lastY), whole + toOut, rest);
    }
  }

  @Override
  public void moments(long x, double eps, long mean, long r, int n) {
    int rest = n % LANES;
    int whole = (n - rest) * Float.BYTES;
    double centre = 0;
    if (mean != 0) {
      double total = rest > 0 ? sumOfTail(x + whole, rest) : 0;
      for (int run = 0; run < whole; run += RUN) {
        total += sum(x + run, Math.min(RUN, whole - run));
      }
      centre = total / n;
      ALL.set(DOUBLE, mean, centre);
    }
    double squares = rest > 0 ? squaredDeviationsOfTail(x + whole, (float) centre, rest) : 0;
    for (int run = 0; run < whole; run += RUN) {
      squares += squaredDeviations(x + run, (float) centre, Math.min(RUN, whole - run));
    }
    double error = centre - (float) centre; // the deviations are taken from the mean rounded to float
    ALL.set(DOUBLE, r, 1 / Math.sqrt(Math.max(0, squares / n - error * error) + eps));
  }

  @Override
  public void normalize(long out, long x, long weight, long bias, float mean, float r, int n) {
    int rest = n % LANES;
    int whole = (n - rest) * Float.BYTES;
    affine(out, x, weight, bias, mean, r, whole);
    if (rest > 0) {
      affineTail(out + whole, x + whole, weight + whole, bias + whole, mean, r, rest);
    }
  }

  /// An instance method, as the following are, which is not written into its callers. The first compiler gives methods up that need more
  /// registers than it can count, and the second never gets to see those.
  private float sum(long x, int bytes) {
    FloatVector a = zero();
    FloatVector b = zero();
    FloatVector c = zero();
    FloatVector d = zero();
    int i = 0;
    for (; i <= bytes - 4 * STEP; i += 4 * STEP) {
      a = a.add(load(x + i));
      b = b.add(load(x + i + STEP));
      c = c.add(load(x + i + 2 * STEP));
      d = d.add(load(x + i + 3 * STEP));
    }
    for (; i < bytes; i += STEP) {
      a = a.add(load(x + i));
    }
    return FloatMath.sumOfLanes(a.add(b).add(c.add(d)));
  }

  private float squaredDeviations(long x, float mean, int bytes) {
    FloatVector centre = FloatVector.broadcast(SPECIES, mean);
    FloatVector a = zero();
    FloatVector b = zero();
    FloatVector c = zero();
    FloatVector d = zero();
    int i = 0;
    for (; i <= bytes - 4 * STEP; i += 4 * STEP) {
      FloatVector first = load(x + i).sub(centre);
      FloatVector second = load(x + i + STEP).sub(centre);
      FloatVector third = load(x + i + 2 * STEP).sub(centre);
      FloatVector fourth = load(x + i + 3 * STEP).sub(centre);
      a = first.fma(first, a);
      b = second.fma(second, b);
      c = third.fma(third, c);
      d = fourth.fma(fourth, d);
    }
    for (; i < bytes; i += STEP) {
      FloatVector first = load(x + i).sub(centre);
      a = first.fma(first, a);
    }
    return FloatMath.sumOfLanes(a.add(b).add(c.add(d)));
  }

  private void affine(long out, long x, long weight, long bias, float centre, float scale, int bytes) {
    FloatVector c = FloatVector.broadcast(SPECIES, centre);
    FloatVector s = FloatVector.broadcast(SPECIES, scale);
    for (int i = 0; i < bytes; i += STEP) {
      load(x + i).sub(c).mul(s).fma(load(weight + i), load(bias + i)).intoMemorySegment(ALL, out + i, LITTLE_ENDIAN);
    }
  }

  private float sumOfTail(long x, int rest) {
    return FloatMath.sumOfLanes(zero().blend(FloatTail.load(x, rest), SPECIES.indexInRange(0, rest)));
  }

  private float squaredDeviationsOfTail(long x, float mean, int rest) {
    FloatVector last = FloatTail.load(x, rest).sub(mean);
    return FloatMath.sumOfLanes(zero().blend(last.mul(last), SPECIES.indexInRange(0, rest)));
  }

  private void affineTail(long out, long x, long weight, long bias, float centre, float scale, int rest) {
    FloatVector last = FloatTail.load(x, rest).sub(centre).mul(scale);
    FloatTail.store(last.fma(FloatTail.load(weight, rest), FloatTail.load(bias, rest)), out, rest);
  }

  @Override
  public void normalizeBackward(long out, long grad, long x, long weight, float mean, float r, boolean centred, int n) {
    int rest = n % LANES;
    int whole = (n - rest) * Float.BYTES;
    double total = rest > 0 ? productsOfTail(grad + whole, weight + whole, rest) : 0;
    double totalOfProducts = rest > 0 ? productsOfTail(grad + whole, weight + whole, x + whole, mean, r, rest) : 0;
    FloatVector centre = FloatVector.broadcast(SPECIES, mean);
    FloatVector scale = FloatVector.broadcast(SPECIES, r);
    for (int run = 0; run < whole; run += RUN) {
      int end = Math.min(run + RUN, whole);
      FloatVector sum = zero();
      FloatVector sumOfProducts = zero();
      for (int i = run; i < end; i += STEP) {
        FloatVector g = load(grad + i).mul(load(weight + i));
        sum = sum.add(g);
        sumOfProducts = g.fma(load(x + i).sub(centre).mul(scale), sumOfProducts);
      }
      total += FloatMath.sumOfLanes(sum);
      totalOfProducts += FloatMath.sumOfLanes(sumOfProducts);
    }
    float meanGrad = centred ? (float) (total / n) : 0;
    float slope = (float) (-totalOfProducts / n);
    gradient(out, grad, x, weight, mean, r, meanGrad, slope, whole);
    if (rest > 0) {
      gradientOfTail(out + whole, grad + whole, x + whole, weight + whole, mean, r, meanGrad, slope, rest);
    }
  }

  /// An instance method, as the following are: in one with the sums it is too large for the first compiler, and so for the second.
  private void gradient(long out, long grad, long x, long weight, float mean, float r, float meanGrad, float slope, int whole) {
    FloatVector centre = FloatVector.broadcast(SPECIES, mean);
    FloatVector scale = FloatVector.broadcast(SPECIES, r);
    FloatVector shift = FloatVector.broadcast(SPECIES, meanGrad);
    FloatVector steepness = FloatVector.broadcast(SPECIES, slope);
    for (int i = 0; i < whole; i += STEP) {
      FloatVector g = load(grad + i).mul(load(weight + i));
      load(x + i).sub(centre).mul(scale).fma(steepness, g.sub(shift)).mul(scale).intoMemorySegment(ALL, out + i, LITTLE_ENDIAN);
    }
  }

  private void gradientOfTail(long out, long grad, long x, long weight, float mean, float r, float meanGrad, float slope, int rest) {
    FloatVector g = FloatTail.load(grad, rest).mul(FloatTail.load(weight, rest));
    FloatVector normal = FloatTail.load(x, rest).sub(mean).mul(r);
    FloatTail.store(normal.fma(FloatVector.broadcast(SPECIES, slope), g.sub(meanGrad)).mul(r), out, rest);
  }

  private double productsOfTail(long grad, long weight, int rest) {
    FloatVector g = FloatTail.load(grad, rest).mul(FloatTail.load(weight, rest));
    return FloatMath.sumOfLanes(zero().blend(g, SPECIES.indexInRange(0, rest)));
  }

  private double productsOfTail(long grad, long weight, long x, float mean, float r, int rest) {
    FloatVector g = FloatTail.load(grad, rest).mul(FloatTail.load(weight, rest));
    FloatVector product = g.mul(FloatTail.load(x, rest).sub(mean).mul(r));
    return FloatMath.sumOfLanes(zero().blend(product, SPECIES.indexInRange(0, rest)));
  }

  @Override
  public void addNormalized(long weightSum, long biasSum, long grad, long x, float mean, float r, int n) {
    FloatVector centre = FloatVector.broadcast(SPECIES, mean);
    FloatVector scale = FloatVector.broadcast(SPECIES, r);
    int rest = n % LANES;
    int whole = (n - rest) * Float.BYTES;
    for (int i = 0; i < whole; i += STEP) {
      FloatVector g = load(grad + i);
      load(x + i).sub(centre).mul(scale).fma(g, load(weightSum + i)).intoMemorySegment(ALL, weightSum + i, LITTLE_ENDIAN);
      load(biasSum + i).add(g).intoMemorySegment(ALL, biasSum + i, LITTLE_ENDIAN);
    }
    if (rest > 0) {
      addTail(weightSum + whole, biasSum + whole, grad + whole, x + whole, mean, r, rest);
    }
  }

  private void addTail(long weightSum, long biasSum, long grad, long x, float mean, float r, int rest) {
    FloatVector g = FloatTail.load(grad, rest);
    FloatVector product = FloatTail.load(x, rest).sub(mean).mul(r).fma(g, FloatTail.load(weightSum, rest));
    FloatTail.store(product, weightSum, rest);
    FloatTail.store(FloatTail.load(biasSum, rest).add(g), biasSum, rest);
  }

  /// Interleaves the lower half of the rows with the upper as often as halving leads to one row: perfect shuffles (Stone, 1971), two at a time,
  /// since it is reading and writing that takes time.
  @Override
  public void transpose(long to, long toRow, long from, long fromRow) {
    long first = Scratch.current().tile(0);
    long second = first + SQUARE;
    long source = from;
    long sourceRow = fromRow;
    if (SHUFFLES % 2 == 1) {
      shuffle(first, STEP, from, fromRow);
      source = first;
      sourceRow = STEP;
    }
    for (int done = SHUFFLES % 2; done < SHUFFLES - 2; done += 2) {
      long target = source == first ? second : first;
      shuffleTwice(target, STEP, source, sourceRow);
      source = target;
      sourceRow = STEP;
    }
    shuffleTwice(to, toRow, source, sourceRow);
  }

  private static void shuffle(long to, long toRow, long from, long fromRow) {
    for (int i = 0; i < LANES / 2; i++) {
      IntVector low = loadInts(from + i * fromRow);
      IntVector high = loadInts(from + (i + LANES / 2) * fromRow);
      store(FloatMath.ZIP_LOW.selectFrom(low, high), to + 2 * i * toRow);
      store(FloatMath.ZIP_HIGH.selectFrom(low, high), to + (2 * i + 1) * toRow);
    }
  }

  private static void shuffleTwice(long to, long toRow, long from, long fromRow) {
    long quarter = LANES / 4 * fromRow;
    long target = to;
    long source = from;
    for (int i = 0; i < LANES / 4; i++) {
      IntVector a = loadInts(source);
      IntVector b = loadInts(source + quarter);
      IntVector c = loadInts(source + 2 * quarter);
      IntVector d = loadInts(source + 3 * quarter);
      IntVector lowEven = FloatMath.ZIP_LOW.selectFrom(a, c);
      IntVector lowOdd = FloatMath.ZIP_HIGH.selectFrom(a, c);
      IntVector highEven = FloatMath.ZIP_LOW.selectFrom(b, d);
      IntVector highOdd = FloatMath.ZIP_HIGH.selectFrom(b, d);
      store(FloatMath.ZIP_LOW.selectFrom(lowEven, highEven), target);
      store(FloatMath.ZIP_HIGH.selectFrom(lowEven, highEven), target + toRow);
      store(FloatMath.ZIP_LOW.selectFrom(lowOdd, highOdd), target + 2 * toRow);
      store(FloatMath.ZIP_HIGH.selectFrom(lowOdd, highOdd), target + 3 * toRow);
      source += fromRow;
      target += 4 * toRow;
    }
  }

  private static IntVector loadInts(long address) {
    return IntVector.fromMemorySegment(FloatMath.INTS, ALL, address, LITTLE_ENDIAN);
  }

  private static void store(IntVector x, long address) {
    x.intoMemorySegment(ALL, address, LITTLE_ENDIAN);
  }

  /// The larger elements; those of `a` where they do not compare.
  private static FloatVector larger(FloatVector a, FloatVector b) {
    return a.blend(b, b.compare(VectorOperators.GT, a));
  }

  /// Not a constant: where a loop's variable starts as an object that exists, the compiler keeps all its values as objects.
  private static FloatVector zero() {
    return FloatVector.zero(SPECIES);
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }
}
