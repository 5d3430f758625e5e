package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.spi.Strided;

/// Many tensors in as few launches as their addresses fit a kernel's parameters, a hundred or two in each: `tensors.cuh`.
final class TensorTable {
  /// As in tensors.cuh.
  private static final int CHUNK = 1 << 13;
  private static final int TABLE = 3840;

  private TensorTable() {}

  /// The parameters that follow the table.
  interface Further {
    /// Writes them for a launch whose first chunk is the `chunks`th of all.
    void write(Launch launch, long chunks);
  }

  /// How many blocks it takes in all.
  static long chunks(Strided[] tensors) {
    long chunks = 0;
    for (Strided tensor : tensors) {
      chunks += chunks(tensor);
    }
    return chunks;
  }

  private static int chunks(Strided tensor) {
    return Math.toIntExact((tensor.numel() + CHUNK - 1) / CHUNK);
  }

  /// Launches `kernel` on tensors of several operands each: `operands[k][t]` is the k-th of the t-th tensor, and has the sizes of the first.
  static void run(Gpu gpu, Kernel kernel, Further further, Strided[]... operands) {
    Strided[] tensors = operands[0];
    int most = (TABLE - 8) / (8 * operands.length + 12);
    long numels = 8L + 8L * most * operands.length;
    long firstBlocks = numels + 8L * most;
    int bytes = (int) (firstBlocks + 4L * most + 7) / 8 * 8;
    long before = 0;
    for (int next = 0; next < tensors.length;) {
      Launch launch = Launch.begin();
      long table = launch.structure(bytes, 8);
      int count = 0;
      int blocks = 0;
      for (; next < tensors.length && count < most; next++) {
        if (tensors[next].numel() == 0) {
          continue;
        }
        for (int k = 0; k < operands.length; k++) {
          ALL.set(LONG, table + 8 + 8L * (k * most + count), operands[k][next].address());
        }
        ALL.set(LONG, table + numels + 8L * count, tensors[next].numel());
        ALL.set(INT, table + firstBlocks + 4L * count, blocks);
        blocks += chunks(tensors[next]);
        count++;
      }
      ALL.set(INT, table, count);
      further.write(launch, before);
      if (count > 0) {
        launch.run(gpu, kernel, blocks, Gpu.BLOCK);
      }
      before += blocks;
    }
  }
}
