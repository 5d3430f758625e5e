package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import org.flambeau.BackendException;

/// Opens shared libraries for as long as the process lives.
interface Linkage {
  /// The functions of a library.
  ///
  /// @throws BackendException where it cannot be opened, with what the system's loader says about it
  SymbolLookup open(Path library);

  /// The CUDA version that a driver serves at most, as in 13000 for 13.0.
  int cudaVersion(SymbolLookup driver);

  Linkage SYSTEM = new Linkage() {
    @Override
    public SymbolLookup open(Path library) {
      try {
        return SymbolLookup.libraryLookup(library, Arena.global());
      } catch (IllegalArgumentException e) {
        throw new BackendException(library + " cannot be opened: " + complaint(library), e);
      }
    }

    @Override
    public int cudaVersion(SymbolLookup driver) {
      var version = Native.function(driver, "cuDriverGetVersion", JAVA_INT, JAVA_LONG);
      return Native.outInt(out -> {
        int _ = (int) version.invokeExact(out);
      });
    }
  };

  /// The JDK does not pass on why the loader refused, so it is asked once more.
  private static String complaint(Path library) {
    int lazy = 1;
    Linker linker = Linker.nativeLinker();
    MethodHandle open = Native.function(linker.defaultLookup(), "dlopen", JAVA_LONG, JAVA_LONG, JAVA_INT);
    MethodHandle error = linker.downcallHandle(linker.defaultLookup().findOrThrow("dlerror"), FunctionDescriptor.of(JAVA_LONG));
    try (Arena arena = Arena.ofConfined()) {
      long path = arena.allocateFrom(library.toString()).address();
      long handle = Native.callLong(() -> (long) open.invokeExact(path, lazy));
      return handle != 0 ? "its loading failed once" : Native.text(Native.callLong(() -> (long) error.invokeExact()));
    }
  }
}
