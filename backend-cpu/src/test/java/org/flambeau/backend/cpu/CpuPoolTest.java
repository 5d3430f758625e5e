package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class CpuPoolTest {
  private final CpuPool pool = new CpuPool(4);

  @Test
  void everyIndexIsVisitedOnce() {
    for (int n : new int[] {0, 1, 7, 1000, 100_003}) {
      AtomicIntegerArray visits = new AtomicIntegerArray(n + 1);
      pool.parallelFor(0, n, 10, (begin, end) -> {
        for (long i = begin; i < end; i++) {
          visits.incrementAndGet((int) i);
        }
      });
      for (int i = 0; i < n; i++) {
        assertEquals(1, visits.get(i), "index " + i + " of " + n);
      }
    }
  }

  @Test
  void severalThreadsWork() throws InterruptedException {
    CountDownLatch both = new CountDownLatch(2);
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    pool.parallelFor(0, 2, 1, (begin, end) -> {
      threads.add(Thread.currentThread());
      both.countDown();
      try {
        both.await(); // returns only if another thread came, too
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    assertEquals(2, threads.size());
    assertTrue(threads.contains(Thread.currentThread()), "the caller takes part");
  }

  @Test
  void aShareThatIsHeldUpIsDoneByTheOthers() {
    CountDownLatch others = new CountDownLatch(15);
    pool.parallelFor(0, 16, 1, (begin, end) -> {
      if (begin > 0) {
        others.countDown();
        return;
      }
      try {
        others.await(); // returns only once all other parts are done, those of this thread's share by somebody else
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    assertEquals(0, others.getCount());
  }

  @Test
  void aLoopWithinALoopRunsInline() {
    AtomicLong sum = new AtomicLong();
    pool.parallelFor(0, 100, 1, (begin, end) -> {
      Thread outer = Thread.currentThread();
      pool.parallelFor(begin, end, 1, (from, to) -> {
        assertEquals(outer, Thread.currentThread());
        sum.addAndGet(to - from);
      });
    });
    assertEquals(100, sum.get());
  }

  @Test
  void whatABodyThrowsArrivesAndThePoolLivesOn() {
    IllegalStateException thrown = assertThrows(IllegalStateException.class, () -> pool.parallelFor(0, 1000, 1, (begin, end) -> {
      if (begin <= 700 && 700 < end) {
        throw new IllegalStateException("at 700");
      }
    }));
    assertEquals("at 700", thrown.getMessage());
    everyIndexIsVisitedOnce();
  }

  @Test
  void manyCallersAtOnceGetTheirOwnResults() throws InterruptedException {
    List<Thread> callers = new ArrayList<>();
    Set<String> wrong = ConcurrentHashMap.newKeySet();
    for (int caller = 0; caller < 8; caller++) {
      int n = 1000 + caller;
      callers.add(Thread.ofVirtual().start(() -> {
        for (int round = 0; round < 200; round++) {
          AtomicLong sum = new AtomicLong();
          pool.parallelFor(0, n, 50, (begin, end) -> sum.addAndGet(end - begin));
          if (sum.get() != n) {
            wrong.add(n + " became " + sum);
          }
        }
      }));
    }
    for (Thread caller : callers) {
      caller.join();
    }
    assertEquals(Set.of(), wrong);
  }

  @Test
  void anInterruptIsKeptForTheCaller() {
    Thread.currentThread().interrupt();
    pool.parallelFor(0, 1000, 1, (begin, end) -> Thread.onSpinWait());
    assertTrue(Thread.interrupted());
  }
}
