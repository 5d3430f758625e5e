package org.flambeau.data;

import java.util.PrimitiveIterator;
import java.util.stream.LongStream;

/// 0, 1, …, size − 1.
public record SequentialSampler(long size) implements Sampler {
  @Override
  public PrimitiveIterator.OfLong iterator() {
    return LongStream.range(0, size).iterator();
  }
}
