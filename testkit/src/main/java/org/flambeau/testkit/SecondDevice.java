package org.flambeau.testkit;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.flambeau.Device;
import org.flambeau.internal.Backends;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Backend;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.RandomSource;
import org.flambeau.spi.Strided;

/// A device beside the CPU while it is open: a GPU where there is one, else a stand-in that computes with the CPU's kernels in
/// memory of its own. Like a GPU, the stand-in has no tensors in Java arrays, and takes none of the CPU's but numbers.
final class SecondDevice implements AutoCloseable {
  private static final Device STAND_IN = new Device(Device.Type.CUDA, 0);

  private final Device device;

  private SecondDevice(Device device) {
    this.device = device;
  }

  static SecondDevice open() {
    Device best = Device.best();
    if (best.equals(Device.CPU)) {
      Backends.standIn(new StandIn(Backends.of(Device.CPU)));
      return new SecondDevice(STAND_IN);
    }
    return new SecondDevice(best);
  }

  Device device() {
    return device;
  }

  @Override
  public void close() {
    Backends.standIn(null);
  }

  private record StandIn(Backend cpu) implements Backend {
    @Override
    public Device.Type type() {
      return STAND_IN.type();
    }

    @Override
    public int deviceCount() {
      return 1;
    }

    @Override
    public String report() {
      return "a stand-in for a second device, for tests";
    }

    @Override
    public Kernels kernels(int device) {
      Kernels kernels = cpu.kernels(0);
      return (Kernels) Proxy.newProxyInstance(Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class},
          (_, method, arguments) -> call(kernels, method, arguments));
    }

    private static Object call(Kernels kernels, Method method, Object[] arguments) throws Throwable {
      for (Object argument : arguments) {
        switch (argument) {
          case Strided operand -> requireHere(method, operand);
          case Strided[] operands -> {
            for (Strided operand : operands) {
              requireHere(method, operand);
            }
          }
          case null, default -> {}
        }
      }
      try {
        return method.invoke(kernels, arguments);
      } catch (InvocationTargetException e) {
        throw e.getCause();
      }
    }

    private static void requireHere(Method method, Strided operand) {
      if (!operand.device().equals(STAND_IN) && !operand.isHostScalar()) {
        throw new AssertionError("the kernel " + method.getName() + " of " + STAND_IN + " was given " + operand);
      }
    }

    @Override
    public Allocator allocator(int device) {
      Allocator allocator = cpu.allocator(0);
      return new Allocator() {
        @Override
        public int heapThreshold() {
          return 0;
        }

        @Override
        public long allocate(long bytes) throws OutOfMemory {
          return allocator.allocate(bytes);
        }

        @Override
        public void free(long address, long bytes) {
          allocator.free(address, bytes);
        }

        @Override
        public void emptyCache() {
          allocator.emptyCache();
        }

        @Override
        public long reservedBytes() {
          return allocator.reservedBytes();
        }
      };
    }

    @Override
    public RandomSource newRandomSource(int device, long seed) {
      return cpu.newRandomSource(0, seed);
    }

    @Override
    public void synchronize(int device) {}
  }
}
