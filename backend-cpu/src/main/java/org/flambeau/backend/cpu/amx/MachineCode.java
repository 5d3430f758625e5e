package org.flambeau.backend.cpu.amx;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import org.flambeau.spi.NativeMemory;
import org.jspecify.annotations.Nullable;

/// Instructions that the Java platform has no way to, made callable on Linux on x86-64.
final class MachineCode {
  private static final int PROT_READ_WRITE = 3;
  private static final int PROT_READ_EXECUTE = 5;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;

  private static final long SYS_ARCH_PRCTL = 158;
  private static final long ARCH_REQ_XCOMP_PERM = 0x1023;
  private static final long XFEATURE_XTILEDATA = 18;

  private MachineCode() {}

  /// A function that takes such parameters, returns nothing and is too short to be left for a garbage collection; null where the system does not
  /// allow new code. It stays for the life of the process.
  static @Nullable MethodHandle load(byte[] code, List<? extends MemoryLayout> parameters) {
    MethodHandle mmap = function("mmap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
    MethodHandle mprotect = function("mprotect", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    try {
      long bytes = code.length;
      long address = (long) mmap.invokeExact(0L, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
      if (address == -1) {
        return null;
      }
      MemorySegment.copy(MemorySegment.ofArray(code), 0, NativeMemory.ALL, address, bytes);
      int status = (int) mprotect.invokeExact(address, bytes, PROT_READ_EXECUTE);
      return status != 0 ? null : Linker.nativeLinker().downcallHandle(MemorySegment.ofAddress(address),
          FunctionDescriptor.ofVoid(parameters.toArray(MemoryLayout[]::new)), Linker.Option.critical(false));
    } catch (Throwable e) {
      throw new IllegalStateException("[machine code] mmap or mprotect threw", e);
    }
  }

  /// Asks Linux for the registers of the matrix unit, whose state it saves only for processes that did.
  static boolean mayUseTiles() {
    MethodHandle syscall = function("syscall", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    try {
      return (long) syscall.invokeExact(SYS_ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
    } catch (Throwable e) {
      throw new IllegalStateException("[machine code] arch_prctl threw", e);
    }
  }

  private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, parameters));
  }
}
