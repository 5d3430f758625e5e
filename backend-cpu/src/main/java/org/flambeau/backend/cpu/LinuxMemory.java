package org.flambeau.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/// Pages straight from the Linux kernel: aligned to huge pages, which it is asked to use, so that a large tensor costs few
/// page faults and few entries of the address translation cache.
final class LinuxMemory implements CpuAllocator.Source {
  private static final long HUGE_PAGE = 2L << 20;
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
  private static final int MADV_HUGEPAGE = 14;

  private final MethodHandle mmap;
  private final MethodHandle munmap;
  private final MethodHandle madvise;

  LinuxMemory() {
    mmap = function("mmap", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    munmap = function("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    madvise = function("madvise", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  }

  private static MethodHandle function(String name, FunctionDescriptor type) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
  }

  @Override
  public long map(long bytes) {
    try {
      boolean huge = bytes >= HUGE_PAGE;
      long slack = huge ? HUGE_PAGE : 0;
      long start = (long) mmap.invokeExact(0L, bytes + slack, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
      if (start == -1) {
        return 0;
      }
      if (!huge) {
        return start;
      }
      long aligned = start + HUGE_PAGE - 1 & -HUGE_PAGE;
      unmap(start, aligned - start);
      unmap(aligned + bytes, start + slack - aligned);
      int ignored = (int) madvise.invokeExact(aligned, bytes, MADV_HUGEPAGE); // a wish, no more
      return aligned;
    } catch (Throwable e) {
      throw new IllegalStateException("[allocator] mmap failed", e);
    }
  }

  @Override
  public void unmap(long address, long bytes) {
    if (bytes > 0) {
      try {
        int status = (int) munmap.invokeExact(address, bytes);
        if (status != 0) {
          throw new IllegalStateException("[allocator] munmap refused " + bytes + " bytes at " + Long.toHexString(address));
        }
      } catch (RuntimeException e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException("[allocator] munmap failed", e);
      }
    }
  }
}
