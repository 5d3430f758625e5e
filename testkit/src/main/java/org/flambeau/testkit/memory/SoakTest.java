package org.flambeau.testkit.memory;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Native memory returns to where it started, and the process does not grow: [Soak] in a process of its own.
final class SoakTest {
  @ParameterizedTest
  @ValueSource(strings = {"scoped", "unscoped"})
  void tens_of_thousands_of_graphs_leave_no_memory_behind(String how) {
    SoakProcess.run(Soak.class, how);
  }
}
