package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.Pool2d;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Two-dimensional pooling: `pool.cu`. What flows back through the largest of windows meets as scattered values do ([Indexing]).
final class Pooling {
  private static final String SOURCE = "pool.cu";
  /// Bytes of the structures in pool.cu.
  private static final int IMAGE = 8 + 4 * 4 + 4 * 8;
  private static final int SLIDE = 4 * 4;
  private static final int SLIDING = SLIDE + 4;

  private enum Form {
    MAX,
    AVERAGE,
    AVERAGE_BACKWARD,
    ADAPTIVE,
    ADAPTIVE_BACKWARD
  }

  private final Gpu gpu;
  private final KernelTable<Form, DType> kernels;

  Pooling(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.kernels = new KernelTable<>(library, SOURCE, Form.class, DType.class, (form, dtype) -> {
      String type = Elementwise.type(dtype);
      return switch (form) {
        case MAX -> "maxPool<" + type + ">";
        case AVERAGE -> "averagePool<" + type + ", Sliding>";
        case AVERAGE_BACKWARD -> "averagePoolBackward<" + type + ", Sliding>";
        case ADAPTIVE -> "averagePool<" + type + ", Adaptive>";
        case ADAPTIVE_BACKWARD -> "averagePoolBackward<" + type + ", Adaptive>";
      };
    });
  }

  void max(Strided out, @Nullable Strided indices, Strided x, Pool2d spec) {
    forEachPart(out, (from, count) -> {
      Launch launch = Launch.begin();
      writeImage(launch, out, from, count);
      if (indices == null) {
        ALL.set(LONG, launch.structure(IMAGE, 8), 0L);
      } else {
        writeImage(launch, indices, from, count);
      }
      writeImage(launch, x, from, count);
      writeSlide(launch.structure(SLIDE, 4), spec.kernelH(), spec.strideH(), spec.padH(), spec.dilationH());
      writeSlide(launch.structure(SLIDE, 4), spec.kernelW(), spec.strideW(), spec.padW(), spec.dilationW());
      run(launch, Form.MAX, out, count);
    });
  }

  void average(Strided out, Strided x, Pool2d spec) {
    sliding(Form.AVERAGE, out, x, spec);
  }

  void averageBackward(Strided gradX, Strided grad, Pool2d spec) {
    sliding(Form.AVERAGE_BACKWARD, gradX, grad, spec);
  }

  private void sliding(Form form, Strided out, Strided in, Pool2d spec) {
    forEachPart(out, (from, count) -> {
      Launch launch = Launch.begin();
      writeImage(launch, out, from, count);
      writeImage(launch, in, from, count);
      writeSliding(launch.structure(SLIDING, 4), spec.kernelH(), spec.strideH(), spec.padH(), spec.countIncludePad());
      writeSliding(launch.structure(SLIDING, 4), spec.kernelW(), spec.strideW(), spec.padW(), spec.countIncludePad());
      run(launch.integer(spec.divisor()), form, out, count);
    });
  }

  void adaptive(Strided out, Strided x) {
    adaptive(Form.ADAPTIVE, out, x);
  }

  void adaptiveBackward(Strided gradX, Strided grad) {
    adaptive(Form.ADAPTIVE_BACKWARD, gradX, grad);
  }

  private void adaptive(Form form, Strided out, Strided in) {
    forEachPart(out, (from, count) -> {
      Launch launch = Launch.begin();
      writeImage(launch, out, from, count);
      writeImage(launch, in, from, count);
      launch.structure(1, 1); // windows that divide have no parameters; two empty structures
      launch.structure(1, 1);
      run(launch.integer(0), form, out, count);
    });
  }

  private interface Part {
    void run(long from, long count);
  }

  /// As many images at a time as have fewer than 2³¹ elements.
  private static void forEachPart(Strided out, Part part) {
    if (out.numel() == 0) {
      return;
    }
    long each = Math.max(1, Space.MAX_PLACES / (out.numel() / out.size(0)));
    for (long from = 0; from < out.size(0); from += each) {
      part.run(from, Math.min(each, out.size(0) - from));
    }
  }

  private void run(Launch launch, Form form, Strided out, long images) {
    launch.run(gpu, kernels.get(form, out.dtype()), gpu.blocks(out.numel() / out.size(0) * images), Gpu.BLOCK);
  }

  private static void writeImage(Launch launch, Strided image, long from, long count) {
    long at = launch.structure(IMAGE, 8);
    ALL.set(LONG, at, image.address() + from * image.stride(0) * image.dtype().size());
    for (int d = 0; d < 4; d++) {
      ALL.set(INT, at + 8 + 4L * d, (int) (d == 0 ? count : image.size(d)));
      ALL.set(LONG, at + 24 + 8L * d, image.stride(d));
    }
  }

  private static void writeSlide(long at, int kernel, int stride, int pad, int dilation) {
    ALL.set(INT, at, kernel);
    ALL.set(INT, at + 4, stride);
    ALL.set(INT, at + 8, pad);
    ALL.set(INT, at + 12, dilation);
  }

  private static void writeSliding(long at, int kernel, int stride, int pad, boolean countPad) {
    writeSlide(at, kernel, stride, pad, 1);
    ALL.set(BYTE, at + SLIDE, (byte) (countPad ? 1 : 0));
  }
}
