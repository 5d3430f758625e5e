package org.flambeau.backend.cpu.onednn;

import static org.flambeau.spi.NativeMemory.ALL;

import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.backend.cpu.Copy;
import org.flambeau.backend.cpu.Elementwise;
import org.flambeau.backend.cpu.EpiloguePass;
import org.flambeau.backend.cpu.LinearAlgebra;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.backend.cpu.gemm.Copies;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// A convolution with a large kernel and few places, as the last ones of a network have it for few or small images: products of the weight
/// with the patches that the kernel sees, one row for each place.
///
/// Nearly all of its time goes into the weight. Products take that as it lies; oneDNN's convolutions want it in a layout of their own, and
/// to bring it there, anew after every step of training, takes longer than to convolve.
final class FewPlaces {
  private static final long MOST_PLACES = 32;
  private static final long LARGE_KERNEL = 1 << 16;

  /// Of a gradient of the weight, which comes out of its product as it shall lie, more are few where the weight is still larger.
  private static final long MOST_PLACES_OF_A_GRADIENT = 512;
  private static final long HUGE_KERNEL = 1 << 20;

  private final LinearAlgebra products;
  private final Workspace workspace;
  private final ConvSpec spec;
  private final long[] image;
  private final long[] kernel;
  private final long[] places;
  private final long count;
  private final long patch;

  /// @param x,weight,out the forward's operands, of which only the sizes matter here
  FewPlaces(LinearAlgebra products, Workspace workspace, Strided x, Strided weight, Strided out, ConvSpec spec) {
    this.products = products;
    this.workspace = workspace;
    this.spec = spec;
    image = x.sizes();
    kernel = weight.sizes();
    places = out.sizes();
    count = places[0] * places[2] * places[3];
    patch = kernel[1] * kernel[2] * kernel[3];
  }

  /// Whether it is worth it.
  ///
  /// @param gradient whether the weight's gradient is what is wanted
  static boolean serves(Strided weight, Strided out, ConvSpec spec, boolean gradient) {
    long places = out.size(0) * out.size(2) * out.size(3);
    boolean few = places <= MOST_PLACES && weight.numel() >= LARGE_KERNEL
        || gradient && places <= MOST_PLACES_OF_A_GRADIENT && weight.numel() >= HUGE_KERNEL;
    return few && spec.groups() == 1 && weight.isContiguous() && weight.dtype() == DType.FLOAT32;
  }

  void forward(Strided out, Strided x, Strided weight, Epilogue epilogue) {
    Strided rows = take(count, kernel[0]);
    Strided matrix = matrix(weight, kernel[0], patch);
    products.linear(rows, patches(x), matrix, null, Activation.NONE);
    Copy.copy(out, asImages(rows));
    EpiloguePass.run(epilogue, out);
  }

  void backwardInput(Strided gradX, Strided grad, Strided weight) {
    Strided rows = take(count, patch);
    products.matmul(matrix(rows, 1, count, patch), matrix(gathered(grad), 1, count, kernel[0]), matrix(weight, 1, kernel[0], patch));
    Strided padded = zeros();
    for (long i = 0; i < kernel[2]; i++) {
      for (long j = 0; j < kernel[3]; j++) {
        Strided seen = seen(padded, i, j);
        Elementwise.sum(seen, seen, part(rows, i, j));
      }
    }
    Copy.copy(gradX, unpadded(padded));
  }

  void backwardWeight(Strided gradWeight, Strided grad, Strided x) {
    Strided result = Copies.output(workspace, DType.FLOAT32, gradWeight);
    Strided g = gathered(grad);
    Strided transposed = g.with(g.offset(), new long[] {1, kernel[0], count}, new long[] {g.numel(), 1, kernel[0]});
    products.matmul(matrix(result, 1, kernel[0], patch), transposed, matrix(patches(x), 1, count, patch));
    Copies.deliver(gradWeight, result);
  }

  // ---- patches ----

  /// A row (c, kh, kw) for each place: zero where the kernel sees beyond the image.
  private Strided patches(Strided x) {
    Strided padded = zeros();
    Copy.copy(unpadded(padded), x);
    Strided rows = take(count, patch);
    for (long i = 0; i < kernel[2]; i++) {
      for (long j = 0; j < kernel[3]; j++) {
        Copy.copy(part(rows, i, j), seen(padded, i, j));
      }
    }
    return rows;
  }

  /// Images (n, h, w, c) with the zeros around them.
  private Strided zeros() {
    Strided padded = take(image[0], image[2] + 2L * spec.padH(), image[3] + 2L * spec.padW(), image[1]);
    ALL.asSlice(padded.address(), padded.numel() * Float.BYTES).fill((byte) 0);
    return padded;
  }

  /// The images (n, c, h, w) within their padding.
  private Strided unpadded(Strided padded) {
    return view(padded, spec.padH() * padded.stride(1) + spec.padW() * padded.stride(2), image, padded.stride(0), 1, padded.stride(1),
        padded.stride(2));
  }

  /// What element (i, j) of the kernel sees at each place: (n, c, h', w').
  private Strided seen(Strided padded, long i, long j) {
    return view(padded, i * spec.dilationH() * padded.stride(1) + j * spec.dilationW() * padded.stride(2),
        new long[] {places[0], image[1], places[2], places[3]}, padded.stride(0), 1, spec.strideH() * padded.stride(1),
        spec.strideW() * padded.stride(2));
  }

  /// The same in the rows of patches.
  private Strided part(Strided rows, long i, long j) {
    return view(rows, i * kernel[3] + j, new long[] {places[0], image[1], places[2], places[3]}, places[2] * places[3] * patch,
        kernel[2] * kernel[3], places[3] * patch, patch);
  }

  // ---- layouts ----

  /// A row (o) for each place of (n, o, h', w').
  private Strided gathered(Strided grad) {
    Strided rows = take(count, kernel[0]);
    Copy.copy(asImages(rows), grad);
    return rows;
  }

  private Strided asImages(Strided rows) {
    return view(rows, 0, places, places[2] * places[3] * kernel[0], 1, places[3] * kernel[0], kernel[0]);
  }

  private Strided take(long... sizes) {
    long bytes = Float.BYTES;
    for (long size : sizes) {
      bytes *= size;
    }
    return Strided.contiguous(new Storage(Device.CPU, workspace.take(bytes), bytes), DType.FLOAT32, sizes);
  }

  private static Strided view(Strided of, long offset, long[] sizes, long... strides) {
    return of.with(of.offset() + offset, sizes, strides);
  }

  private static Strided matrix(Strided contiguous, long... sizes) {
    return contiguous.with(contiguous.offset(), sizes, Strided.contiguousStrides(sizes));
  }
}
