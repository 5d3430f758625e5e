package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.flambeau.BackendException;

/// Calls into C whose pointers are `long`s.
final class Native {
  /// Long enough for every text of NVIDIA's libraries.
  private static final long TEXT = 1 << 16;

  interface IntCall {
    int run() throws Throwable;
  }

  interface LongCall {
    long run() throws Throwable;
  }

  interface Out {
    void run(long address) throws Throwable;
  }

  private Native() {}

  /// A function of a library.
  ///
  /// @throws BackendException where the library has none of that name
  static MethodHandle function(SymbolLookup library, String name, MemoryLayout result, MemoryLayout... parameters) {
    var symbol = library.find(name)
        .orElseThrow(() -> new BackendException("[CUDA] the installed library has no " + name + ": it is older than CUDA 12, update it"));
    return Linker.nativeLinker().downcallHandle(symbol, FunctionDescriptor.of(result, parameters));
  }

  static int call(IntCall function) {
    try {
      return function.run();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static long callLong(LongCall function) {
    try {
      return function.run();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// What `function`, which checks the status itself, left at the address that it was given.
  static int outInt(Out function) {
    return (int) outLong(function);
  }

  static long outLong(Out function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      function.run(out.address());
      return out.get(JAVA_LONG, 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// The zero-terminated text at an address, empty at address 0.
  static String text(long address) {
    return address == 0 ? "" : MemorySegment.ofAddress(address).reinterpret(TEXT).getString(0);
  }

  /// What went wrong inside a call: our own exceptions pass, a downcall itself throws nothing.
  static RuntimeException unexpected(Throwable e) {
    if (e instanceof RuntimeException exception) {
      return exception;
    }
    throw new AssertionError("a call into a library of CUDA threw", e);
  }
}
