package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.spi.PoolSpec;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Two-dimensional pooling: `pool.cu`. What flows back through the largest of windows that do not slide meets as scattered values do ([Indexing]).
final class Pooling {
  private static final String SOURCE = "pool.cu";
  /// Bytes of the structures in pool.cu.
  private static final int IMAGE = 8 + 4 * 4 + 4 * 8;
  private static final int SLIDE = 4 * 4;
  private static final int SLIDING = SLIDE + 4;

  private enum Form {
    MAX,
    MAX_BACKWARD,
    AVERAGE,
    AVERAGE_BACKWARD,
    ADAPTIVE,
    ADAPTIVE_BACKWARD
  }

  private final Gpu gpu;
  private final KernelTable<Form, DType> single;
  /// For channels-last images, several channels at once.
  private final KernelTable<Form, DType> packs;

  Pooling(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.single = new KernelTable<>(library, SOURCE, Form.class, DType.class, Pooling::isAsked, (form, dtype) -> instance(form, dtype, 1));
    this.packs = new KernelTable<>(library, SOURCE, Form.class, DType.class, KernelTable::floating,
        (form, dtype) -> instance(form, dtype, RowKernels.pack(dtype)));
  }

  private static String instance(Form form, DType dtype, int pack) {
    String template = switch (form) {
      case MAX -> "maxPool<%s, %d>";
      case MAX_BACKWARD -> "maxPoolBackward<%s, %d>";
      case AVERAGE -> "averagePool<%s, Sliding, %d>";
      case AVERAGE_BACKWARD -> "averagePoolBackward<%s, Sliding, %d>";
      case ADAPTIVE -> "averagePool<%s, Adaptive, %d>";
      case ADAPTIVE_BACKWARD -> "averagePoolBackward<%s, Adaptive, %d>";
    };
    return template.formatted(Elementwise.type(dtype), pack);
  }

  private static boolean isAsked(Form form, DType dtype) {
    return form != Form.MAX_BACKWARD || dtype.isFloating();
  }

  void max(Strided out, @Nullable Strided indices, Strided x, PoolSpec spec) {
    run(Form.MAX, launch -> writeSlides(launch, spec), out, indices, x);
  }

  void maxBackward(Strided gradX, Strided grad, Strided indices, PoolSpec spec) {
    run(Form.MAX_BACKWARD, launch -> writeSlides(launch, spec), gradX, grad, indices);
  }

  private static void writeSlides(Launch launch, PoolSpec spec) {
    writeSlide(launch.structure(SLIDE, 4), spec.kernelH(), spec.strideH(), spec.padH(), spec.dilationH());
    writeSlide(launch.structure(SLIDE, 4), spec.kernelW(), spec.strideW(), spec.padW(), spec.dilationW());
  }

  void average(Strided out, Strided x, PoolSpec spec) {
    sliding(Form.AVERAGE, out, x, spec);
  }

  void averageBackward(Strided gradX, Strided grad, PoolSpec spec) {
    sliding(Form.AVERAGE_BACKWARD, gradX, grad, spec);
  }

  private void sliding(Form form, Strided out, Strided in, PoolSpec spec) {
    run(form, launch -> {
      writeSliding(launch.structure(SLIDING, 4), spec.kernelH(), spec.strideH(), spec.padH(), spec.countIncludePad());
      writeSliding(launch.structure(SLIDING, 4), spec.kernelW(), spec.strideW(), spec.padW(), spec.countIncludePad());
      launch.integer(spec.divisor());
    }, out, in);
  }

  void adaptive(Strided out, Strided x) {
    adaptive(Form.ADAPTIVE, out, x);
  }

  void adaptiveBackward(Strided gradX, Strided grad) {
    adaptive(Form.ADAPTIVE_BACKWARD, gradX, grad);
  }

  private void adaptive(Form form, Strided out, Strided in) {
    run(form, launch -> {
      launch.structure(1, 1); // windows that divide have no parameters; two empty structures
      launch.structure(1, 1);
      launch.integer(0);
    }, out, in);
  }

  /// Writes the parameters that follow the images.
  private interface Further {
    void write(Launch launch);
  }

  /// @param images the result and what is read, whose places in `pool.cu` may be empty
  private void run(Form form, Further further, @Nullable Strided... images) {
    Strided out = Objects.requireNonNull(images[0]);
    if (out.numel() == 0) {
      return;
    }
    ImageParts.forEach("pool2d", Space.MAX_PLACES, parts -> {
      Launch launch = Launch.begin();
      for (Strided part : parts) {
        writeImage(launch.structure(IMAGE, 8), part);
      }
      further.write(launch);
      int pack = out.dtype().isFloating() ? RowKernels.pack(out.dtype()) : 1;
      boolean packed = pack > 1 && liePacked(pack, parts);
      launch.run(gpu, (packed ? packs : single).get(form, out.dtype()),
          gpu.blocks(Objects.requireNonNull(parts[0]).numel() / (packed ? pack : 1)), Gpu.BLOCK);
    }, images);
  }

  /// Whether neighbouring channels of all images lie in aligned packs of as many.
  private static boolean liePacked(int pack, @Nullable Strided... images) {
    boolean packed = true;
    for (Strided image : images) {
      packed &= image == null || image.stride(1) == 1 && image.size(1) % pack == 0 && image.stride(0) % pack == 0
          && image.stride(2) % pack == 0 && image.stride(3) % pack == 0 && image.address() % (pack * image.dtype().size()) == 0;
    }
    return packed;
  }

  private static void writeImage(long at, @Nullable Strided image) {
    ALL.set(LONG, at, image == null ? 0 : image.address());
    for (int d = 0; image != null && d < 4; d++) {
      ALL.set(INT, at + 8 + 4L * d, Math.toIntExact(image.size(d)));
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
