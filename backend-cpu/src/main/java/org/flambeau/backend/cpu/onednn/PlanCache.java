package org.flambeau.backend.cpu.onednn;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The plans made so far, by operation and shape; the least recently used make room for new ones.
final class PlanCache {
  private final int capacity;
  private final Map<Key, Plan> plans = new ConcurrentHashMap<>();
  private final AtomicLong clock = new AtomicLong();

  PlanCache(int capacity) {
    this.capacity = capacity;
  }

  /// What a plan depends on, in numbers.
  static final class Key {
    private final long[] numbers;
    private final int hash;

    private Key(long[] numbers) {
      this.numbers = numbers;
      this.hash = Arrays.hashCode(numbers);
    }

    /// An operation, its parameters, and how its operands lie.
    static Key of(long operation, long[] parameters, @Nullable Strided... operands) {
      int length = 1 + parameters.length;
      for (Strided operand : operands) {
        length += operand == null ? 1 : 1 + 2 * operand.rank();
      }
      long[] numbers = new long[length];
      numbers[0] = operation;
      System.arraycopy(parameters, 0, numbers, 1, parameters.length);
      int at = 1 + parameters.length;
      for (Strided operand : operands) {
        if (operand == null) {
          numbers[at++] = -1;
        } else {
          int rank = operand.rank();
          numbers[at++] = operand.dtype().ordinal() * 16L + rank;
          System.arraycopy(operand.sizes(), 0, numbers, at, rank);
          System.arraycopy(operand.strides(), 0, numbers, at + rank, rank);
          at += 2 * rank;
        }
      }
      return new Key(numbers);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key key && hash == key.hash && Arrays.equals(numbers, key.numbers);
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }

  /// The plan for `key`, made where there is none yet; the caller releases it.
  Plan acquire(Key key, Supplier<Plan> maker) {
    while (true) {
      Plan plan = plans.get(key);
      if (plan == null) {
        Plan made = maker.get();
        made.lastUse = clock.incrementAndGet(); // else it would be the first to make room
        plan = plans.putIfAbsent(key, made);
        if (plan == null) {
          plan = made;
          makeRoom(key);
        } else {
          made.release();
        }
      }
      if (plan.retain()) {
        plan.lastUse = clock.incrementAndGet();
        return plan;
      }
      plans.remove(key, plan);
    }
  }

  private void makeRoom(Key keep) {
    while (plans.size() > capacity) {
      plans.entrySet().stream().filter(entry -> !entry.getKey().equals(keep))
          .min((a, b) -> Long.compare(a.getValue().lastUse, b.getValue().lastUse))
          .filter(oldest -> plans.remove(oldest.getKey(), oldest.getValue()))
          .ifPresent(oldest -> oldest.getValue().release());
    }
  }

  int size() {
    return plans.size();
  }
}
