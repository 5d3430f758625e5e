package org.flambeau.data;

import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;
import org.jspecify.annotations.Nullable;

/// A sampler's indices, `batchSize` at a time; the last batch has what is left, or is dropped.
public record BatchSampler(Sampler sampler, int batchSize, boolean dropLast) implements Iterable<long[]> {
  public BatchSampler {
    if (batchSize < 1) {
      throw new IllegalArgumentException("[BatchSampler] batch_size should be a positive integer value, but got batch_size=" + batchSize);
    }
  }

  /// How many batches an epoch has.
  public long size() {
    return dropLast ? sampler.size() / batchSize : Math.ceilDiv(sampler.size(), batchSize);
  }

  @Override
  public Iterator<long[]> iterator() {
    PrimitiveIterator.OfLong indices = sampler.iterator();
    return new Iterator<>() {
      private long @Nullable [] batch;

      private long[] peek() {
        if (batch == null) {
          long[] read = new long[batchSize];
          int n = 0;
          while (n < batchSize && indices.hasNext()) {
            read[n++] = indices.nextLong();
          }
          batch = n == batchSize ? read : Arrays.copyOf(read, dropLast ? 0 : n);
        }
        return batch;
      }

      @Override
      public boolean hasNext() {
        return peek().length > 0;
      }

      @Override
      public long[] next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        long[] next = peek();
        batch = null;
        return next;
      }
    };
  }
}
