package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.spi.ResizeSpec;
import org.flambeau.spi.Strided;

/// Rows, images and volumes in other sizes: `resize.cu`.
final class Resizing {
  private static final String SOURCE = "resize.cu";
  /// Bytes of the structures in resize.cu.
  private static final int VOLUME = 8 + 5 * 4 + 4 + 5 * 8;
  private static final int AXIS = 8 + 2 * 4 + 8;

  private final Gpu gpu;
  private final KernelTable<ResizeSpec.Mode, DType> forward;
  private final KernelTable<ResizeSpec.Mode, DType> backward;

  Resizing(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.forward = table(library, "resize");
    this.backward = table(library, "resizeBackward");
  }

  private static KernelTable<ResizeSpec.Mode, DType> table(KernelLibrary library, String kernel) {
    return new KernelTable<>(library, SOURCE, ResizeSpec.Mode.class, DType.class, KernelTable::floating,
        (mode, dtype) -> kernel + "<" + Elementwise.type(dtype) + ", " + mode + ">");
  }

  void forward(Strided out, Strided x, ResizeSpec resize) {
    run(forward, out, x, x, out, resize);
  }

  void backward(Strided gradX, Strided grad, ResizeSpec resize) {
    run(backward, gradX, grad, gradX, grad, resize);
  }

  /// `resize` made `large` of `small`.
  private void run(KernelTable<ResizeSpec.Mode, DType> kernels, Strided out, Strided x, Strided small, Strided large, ResizeSpec resize) {
    if (out.numel() == 0) {
      return;
    }
    ImageParts.forEach("interpolate", Space.MAX_PLACES, parts -> {
      Launch launch = Launch.begin();
      for (Strided part : parts) {
        writeVolume(launch.structure(VOLUME, 8), Objects.requireNonNull(part));
      }
      for (int d = -3; d < 0; d++) {
        writeAxis(launch.structure(AXIS, 8), d, small, large, resize);
      }
      launch.run(gpu, kernels.get(resize.mode(), out.dtype()), gpu.blocks(Objects.requireNonNull(parts[0]).numel()), Gpu.BLOCK);
    }, out, x);
  }

  private static void writeVolume(long at, Strided x) {
    ALL.set(LONG, at, x.address());
    int missing = 5 - x.rank();
    for (int d = 0; d < 5; d++) {
      int of = d < 2 ? d : d - missing;
      boolean there = d < 2 || of >= 2;
      ALL.set(INT, at + 8 + 4L * d, there ? Math.toIntExact(x.size(of)) : 1);
      ALL.set(LONG, at + 32 + 8L * d, there ? x.stride(of) : 0L);
    }
  }

  /// The `fromEnd`-th dimension from the end, or, where there are not so many, one of a single position.
  private static void writeAxis(long at, int fromEnd, Strided small, Strided large, ResizeSpec resize) {
    int d = small.rank() + fromEnd;
    boolean there = d >= 2;
    long in = there ? small.size(d) : 1;
    long out = there ? large.size(d) : 1;
    ALL.set(DOUBLE, at, there ? resize.step(d - 2, in, out, small.dtype() == DType.FLOAT64) : 1);
    ALL.set(INT, at + 8, Math.toIntExact(in));
    ALL.set(INT, at + 12, Math.toIntExact(out));
    ALL.set(BYTE, at + 16, (byte) (resize.alignCorners() ? 1 : 0));
    ALL.set(BYTE, at + 17, (byte) (resize.copies(in, out) ? 1 : 0));
  }
}
