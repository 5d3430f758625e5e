package org.flambeau.benchmarks.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// The parts of a run end when they should, so that all of it does.
class SharesTest {
  private static final Instant START = Instant.EPOCH;
  private static final Instant END = START.plus(Shares.duration(9));

  private static Instant after(double minutes) {
    return START.plus(Shares.duration(minutes));
  }

  @Test
  void partsThatWereNotNamedShareWhatIsLeft() {
    Shares shares = new Shares(Map.of(), END);

    assertEquals(List.of("conformance", "models", "profile"), shares.measuring());
    assertEquals(after(4), shares.end("conformance", START));
    assertEquals(after(1 + 8 * 4 / 5.0), shares.end("models", after(1)));
    assertEquals(END, shares.end("profile", after(5)));
  }

  @Test
  void aPartThatStartsLateTakesNothingFromThoseAfterItButItsShare() {
    assertEquals(after(4.5 + 4.5 * 4 / 9), new Shares(Map.of(), END).end("conformance", after(4.5)));
  }

  @Test
  void minutesThatWereGivenAreKeptAsFarAsTheTimeGoes() {
    Shares shares = new Shares(Map.of("models", 5.0, "conformance", 0.0), END);

    assertEquals(after(9 * 4 / 9.0), shares.end("conformance", START));
    assertEquals(after(7), shares.end("models", after(2)));
    assertEquals(END, shares.end("models", after(6)));
  }

  @Test
  void nothingEndsAfterTheEnd() {
    assertEquals(after(10), new Shares(Map.of("models", 5.0), after(10)).end("models", after(10)));
  }
}
