package org.flambeau.backend.cpu.onednn;

import java.util.Arrays;

/// What a memory descriptor says, comparable beyond the descriptor's life.
final class Layout {
  private final byte[] blob;
  private final int hash;

  Layout(long memoryDesc) {
    blob = Dnnl.blob(memoryDesc);
    hash = Arrays.hashCode(blob);
  }

  @Override
  public boolean equals(Object other) {
    return this == other || other instanceof Layout layout && hash == layout.hash && Arrays.equals(blob, layout.blob);
  }

  @Override
  public int hashCode() {
    return hash;
  }
}
