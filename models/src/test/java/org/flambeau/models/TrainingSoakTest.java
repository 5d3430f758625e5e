package org.flambeau.models;

import org.flambeau.testkit.memory.SoakProcess;
import org.junit.jupiter.api.Test;

/// Training for a long time leaves no memory and no threads behind: [TrainingSoak] in a process of its own.
final class TrainingSoakTest {
  @Test
  void thousands_of_training_steps_leave_nothing_behind() {
    SoakProcess.run(TrainingSoak.class);
  }
}
