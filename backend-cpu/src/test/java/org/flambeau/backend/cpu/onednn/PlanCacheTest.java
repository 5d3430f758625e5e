package org.flambeau.backend.cpu.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import org.junit.jupiter.api.Test;

final class PlanCacheTest {
  private final PlanCache cache = new PlanCache(3);

  private Plan use(long operation) {
    Plan plan = cache.acquire(PlanCache.Key.of(operation, new long[] {1, 2}), Plan::none);
    plan.release();
    return plan;
  }

  @Test
  void makesAPlanOnce() {
    assertSame(use(1), use(1));
    assertNotSame(use(1), use(2));
  }

  @Test
  void dropsWhatWasNotUsedForLongest() {
    Plan first = use(1);
    Plan second = use(2);
    use(3);
    assertSame(first, use(1));
    use(4);
    assertEquals(3, cache.size());
    assertSame(first, use(1));
    assertNotSame(second, use(2));
  }

  @Test
  void leavesADroppedPlanToItsUsers() {
    Plan inUse = cache.acquire(PlanCache.Key.of(1, new long[0]), Plan::none);
    for (long operation = 2; operation < 9; operation++) {
      use(operation);
    }
    inUse.release();
    assertEquals(false, inUse.retain());
  }
}
