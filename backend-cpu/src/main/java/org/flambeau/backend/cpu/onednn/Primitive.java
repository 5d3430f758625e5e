package org.flambeau.backend.cpu.onednn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.flambeau.backend.cpu.Workspace;

/// A kernel that oneDNN compiled for one shape. Any number of threads may run it at once.
final class Primitive implements AutoCloseable {
  private final long descriptor;
  private final long handle;
  private final int[] arguments;
  private final long scratchpadBytes;

  /// What earlier runs used, for the next ones: between two runs only the addresses change.
  private final ConcurrentLinkedQueue<Invocation> idle = new ConcurrentLinkedQueue<>();

  /// Compiles, and takes over, a primitive descriptor. `arguments` are those whose addresses [#run] is given.
  Primitive(long descriptor, int... arguments) {
    this.descriptor = descriptor;
    this.handle = Dnnl.primitive(descriptor);
    this.scratchpadBytes = Dnnl.bytes(layout(Dnnl.ARG_SCRATCHPAD));
    this.arguments = Arrays.copyOf(arguments, arguments.length + (scratchpadBytes > 0 ? 1 : 0));
    if (scratchpadBytes > 0) {
      this.arguments[arguments.length] = Dnnl.ARG_SCRATCHPAD;
    }
  }

  /// The layout it wants an argument in, which lives as long as the primitive.
  long layout(int argument) {
    return Dnnl.argument(descriptor, argument);
  }

  void run(Workspace workspace, long... addresses) {
    Invocation invocation = borrow();
    try {
      invocation.run(addresses, scratchpad(workspace));
    } finally {
      giveBack(invocation);
    }
  }

  /// What one thread runs it with, from [#borrow] to [#giveBack].
  Invocation borrow() {
    Invocation invocation = idle.poll();
    return invocation == null ? new Invocation() : invocation;
  }

  void giveBack(Invocation invocation) {
    idle.add(invocation);
  }

  long scratchpad(Workspace workspace) {
    return scratchpadBytes > 0 ? workspace.take(scratchpadBytes) : 0;
  }

  @Override
  public void close() {
    idle.forEach(Invocation::close);
    Dnnl.destroyPrimitive(handle);
    Dnnl.destroyPrimitiveDesc(descriptor);
  }

  /// The native side of one run.
  final class Invocation {
    private static final int BYTES_OF_ARGUMENT = 16; // dnnl_exec_arg_t: an int32 and, after padding, a pointer

    private final long stream = Dnnl.stream();
    private final long[] memories = new long[arguments.length];
    private final MemorySegment list = Arena.ofAuto().allocate((long) BYTES_OF_ARGUMENT * arguments.length, 8);

    Invocation() {
      for (int i = 0; i < arguments.length; i++) {
        memories[i] = Dnnl.memory(layout(arguments[i]));
        list.set(ValueLayout.JAVA_INT, (long) i * BYTES_OF_ARGUMENT, arguments[i]);
        list.set(ValueLayout.JAVA_LONG, (long) i * BYTES_OF_ARGUMENT + 8, memories[i]);
      }
    }

    void run(long[] addresses, long scratchpad) {
      for (int i = 0; i < memories.length; i++) {
        Dnnl.setAddress(memories[i], i < addresses.length ? addresses[i] : scratchpad);
      }
      Dnnl.execute(handle, stream, memories.length, list.address());
    }

    void close() {
      for (long memory : memories) {
        Dnnl.destroyMemory(memory);
      }
      Dnnl.destroyStream(stream);
    }
  }
}
