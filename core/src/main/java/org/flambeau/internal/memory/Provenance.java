package org.flambeau.internal.memory;

import org.jspecify.annotations.Nullable;

/// Where a storage was made and where its memory was freed, known while `-Dflambeau.memory.trace=true`.
public final class Provenance {
  public static final boolean TRACING = Boolean.getBoolean("flambeau.memory.trace");
  public static final Provenance UNTRACED = new Provenance(null);

  /// A stack trace, not an error.
  public static final class Place extends Throwable {
    private static final long serialVersionUID = 1;

    Place(String what) {
      super(what);
    }
  }

  private final @Nullable Place made;
  private volatile @Nullable Place closed;

  private Provenance(@Nullable Place made) {
    this.made = made;
  }

  static Provenance here() {
    return new Provenance(new Place("the tensor was made here"));
  }

  void closedHere() {
    closed = new Place("its memory was freed here");
  }

  public @Nullable Throwable made() {
    return made;
  }

  public @Nullable Throwable closed() {
    return closed;
  }

  /// The two places in a few lines, or how to see them.
  public String describe() {
    if (made == null) {
      return " Run with -Dflambeau.memory.trace=true to see where it was made and where it was freed.";
    }
    StringBuilder text = new StringBuilder();
    append(text, "made", made);
    append(text, "freed", closed);
    return text.toString();
  }

  private static void append(StringBuilder text, String what, @Nullable Place place) {
    if (place == null) {
      return;
    }
    for (StackTraceElement frame : place.getStackTrace()) {
      if (!frame.getClassName().startsWith("org.flambeau.internal.") && !frame.getClassName().startsWith("org.flambeau.spi.")
          && !frame.getClassName().equals("org.flambeau.Tensor") && !frame.getClassName().equals("org.flambeau.MemoryScope")) {
        text.append(" It was ").append(what).append(" at ").append(frame).append('.');
        return;
      }
    }
  }
}
