package org.flambeau.backend.cpu.onednn;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.HashMap;
import java.util.Map;
import org.flambeau.BackendException;
import org.jspecify.annotations.Nullable;

/// The environment while libgomp opens, which is the only time it reads it.
///
/// The size of the teams must be set here: `omp_set_num_threads` holds for the calling thread alone. A thread that waits looks
/// around for some 20 µs before it gives up its core: with no looking at all, ten small convolutions take twice as long; with
/// twenty times as much they gain a tenth, and lose a factor of twenty as soon as something else, our own pool included, wants the
/// core. A user's own choice of how to wait stands.
final class OpenMpSettings implements AutoCloseable {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final MethodHandle SETENV = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("setenv"),
      FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
  private static final MethodHandle UNSETENV = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("unsetenv"),
      FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));

  private static final String SPINS = "1000";

  private final Map<String, @Nullable String> former = new HashMap<>();

  OpenMpSettings(int threads) {
    replace("OMP_NUM_THREADS", Integer.toString(threads));
    replace("OMP_DYNAMIC", "false");
    if (System.getenv("OMP_WAIT_POLICY") == null && System.getenv("GOMP_SPINCOUNT") == null) {
      replace("OMP_WAIT_POLICY", "passive");
      replace("GOMP_SPINCOUNT", SPINS);
    }
  }

  private void replace(String name, String value) {
    former.put(name, System.getenv(name));
    set(name, value);
  }

  private static void set(String name, @Nullable String value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment key = arena.allocateFrom(name);
      int result = value == null ? (int) UNSETENV.invokeExact(key) : (int) SETENV.invokeExact(key, arena.allocateFrom(value), 1);
      if (result != 0) {
        throw new BackendException("the environment variable " + name + " cannot be set");
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    former.forEach(OpenMpSettings::set);
  }
}
