package org.flambeau.benchmarks.gpu;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The parts of a run, which share its time: what one leaves, the later ones have.
final class Shares {
  /// The parts that need the device, in their order, and what each is worth.
  private static final Map<String, Double> WORTH = new LinkedHashMap<>();

  static {
    WORTH.put("conformance", 4.0);
    WORTH.put("models", 4.0);
    WORTH.put("profile", 1.0);
  }

  private final Map<String, Double> minutes;
  private final Instant end;

  /// @param minutes of the parts that were asked for, 0 for a share; none for all parts
  /// @param end of all
  Shares(Map<String, Double> minutes, Instant end) {
    this.minutes = new LinkedHashMap<>(minutes);
    this.end = end;
    if (minutes.isEmpty()) {
      this.minutes.put("doctor", 0.0);
      WORTH.keySet().forEach(part -> this.minutes.put(part, 0.0));
    }
  }

  static boolean isPart(String name) {
    return name.equals("doctor") || WORTH.containsKey(name);
  }

  static Duration duration(double minutes) {
    return Duration.ofMillis((long) (60_000 * minutes));
  }

  boolean has(String part) {
    return minutes.containsKey(part);
  }

  /// What needs the device, in its order.
  List<String> measuring() {
    return WORTH.keySet().stream().filter(this::has).toList();
  }

  /// Of all.
  Instant end() {
    return end;
  }

  /// When a part that begins now has to end: after the minutes it was given, or else its share of what is left for it and those after it.
  Instant end(String part, Instant now) {
    double left = Math.max(0, Duration.between(now, end).toMillis() / 60_000.0);
    List<String> measuring = measuring();
    List<String> rest = measuring.subList(measuring.indexOf(part), measuring.size());
    double share = left * worth(part) / rest.stream().mapToDouble(this::worth).sum();
    Instant own = now.plus(duration(given(part) > 0 ? given(part) : share));
    return own.isBefore(end) ? own : end;
  }

  private double given(String part) {
    return minutes.getOrDefault(part, 0.0);
  }

  private double worth(String part) {
    return given(part) > 0 ? given(part) : WORTH.getOrDefault(part, 0.0);
  }
}
