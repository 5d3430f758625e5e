package org.flambeau.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jline.utils.Signals;

/// While open, lets the first Ctrl-C (or `kill`) end what is under way in good order, and the second at once.
final class Interrupts implements AutoCloseable {
  /// What a shell reports of a program that Ctrl-C ended.
  static final int EXIT_CODE = 130;

  private final AtomicBoolean interrupted = new AtomicBoolean();
  private final Map<String, Object> before = new LinkedHashMap<>();

  Interrupts(Runnable first) {
    for (String signal : List.of("INT", "TERM")) {
      Object handler = Signals.register(signal, () -> handle(first));
      if (handler != null) { // where this JVM lets nobody handle signals, they end it
        before.put(signal, handler);
      }
    }
  }

  private void handle(Runnable first) {
    if (interrupted.compareAndSet(false, true)) {
      first.run();
    } else {
      Runtime.getRuntime().halt(EXIT_CODE);
    }
  }

  @Override
  public void close() {
    before.forEach(Signals::unregister);
  }
}
