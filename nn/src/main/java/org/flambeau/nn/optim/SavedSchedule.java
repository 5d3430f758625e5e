package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// A scheduler's saved state.
final class SavedSchedule {
  private final String scheduler;
  private final Map<?, ?> values;

  SavedSchedule(String scheduler, Map<?, ?> values) {
    this.scheduler = scheduler;
    this.values = values;
  }

  double number(String name) {
    Double number = SavedOptions.numberIn(values.get(name));
    return number != null ? number : missing(name, "number");
  }

  List<Double> numbers(String name) {
    if (!(values.get(name) instanceof List<?> list)) {
      return missing(name, "list");
    }
    List<Double> numbers = new ArrayList<>();
    for (Object value : list) {
      Double number = SavedOptions.numberIn(value);
      numbers.add(number != null ? number : missing(name, "list of numbers"));
    }
    return numbers;
  }

  List<Map<?, ?>> states(String name, int count) {
    List<Map<?, ?>> states = new ArrayList<>();
    if (values.get(name) instanceof List<?> list) {
      for (Object value : list) {
        states.add(value instanceof Map<?, ?> state ? state : missing(name, "list of states"));
      }
    }
    return states.size() == count ? states : missing(name, "list of " + count + " states");
  }

  private <T> T missing(String name, String what) {
    throw new IllegalArgumentException(
        "[" + scheduler + "] expected a " + what + " \"" + name + "\" in the loaded state dict, but it has " + values.keySet());
  }
}
