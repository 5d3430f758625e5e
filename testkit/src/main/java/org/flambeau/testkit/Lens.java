package org.flambeau.testkit;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.flambeau.internal.Backends;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Looks at the kernels that operations call while it is open, and may pretend that there are no fused ones.
final class Lens implements AutoCloseable {
  private final boolean composites;
  private final SortedMap<String, Integer> calls = new TreeMap<>();

  private @Nullable String failing;
  private int failingTime;

  private Lens(boolean composites) {
    this.composites = composites;
    Backends.intercept(this::through);
  }

  static Lens open() {
    return new Lens(false);
  }

  /// Everything fused is composed of other operations.
  static Lens withoutFused() {
    return new Lens(true);
  }

  /// From now on, `kernel` throws when it is called for that time, counted from 1.
  Lens failing(String kernel, int time) {
    failing = kernel;
    failingTime = time;
    return this;
  }

  /// How many calls there were of all kernels.
  int calls() {
    return seen().stream().filter(kernel -> kernel.indexOf(' ') < 0).mapToInt(this::count).sum();
  }

  /// The kernels that were called, as in `matmul`, and those of a family also as in `unary ABS`.
  Set<String> seen() {
    return calls.keySet();
  }

  /// How often that one was called.
  int count(String kernel) {
    return calls.getOrDefault(kernel, 0);
  }

  /// Whether an operation asked for a fused kernel and there was one.
  boolean sawFused() {
    return seen().stream().anyMatch(call -> call.startsWith("supports "));
  }

  private Kernels through(Kernels kernels) {
    return (Kernels) Proxy.newProxyInstance(Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class},
        (_, method, arguments) -> call(kernels, method, arguments));
  }

  private Object call(Kernels kernels, Method method, Object @Nullable [] arguments) throws Throwable {
    try {
      if (arguments == null) { // a question about the device
        return method.invoke(kernels);
      }
      if (method.getName().equals("supports")) {
        boolean supported = !composites && kernels.supports((FusedOp) arguments[0], (Strided[]) arguments[1]);
        if (supported) {
          add("supports " + arguments[0]);
        }
        return supported;
      }
      add(method.getName());
      if (arguments[0] instanceof Enum<?> op) {
        add(method.getName() + " " + op);
      }
      return method.invoke(kernels, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private void add(String kernel) {
    if (calls.merge(kernel, 1, Integer::sum) == failingTime && kernel.equals(failing)) {
      throw new IllegalStateException(kernel + " fails on purpose");
    }
  }

  @Override
  public void close() {
    Backends.intercept(null);
  }
}
