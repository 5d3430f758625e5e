package org.flambeau.backend.cuda;

import org.flambeau.DType;
import org.flambeau.spi.Strided;

/// Sequences and triangles: `making.cu`.
final class Making {
  private static final String SOURCE = "making.cu";

  private enum Form {
    ARANGE,
    TRIANGLE
  }

  private final Gpu gpu;
  private final KernelTable<Form, DType> forms;

  Making(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.forms = new KernelTable<>(library, SOURCE, Form.class, DType.class, (form, dtype) -> switch (form) {
      case ARANGE -> "arange<" + Elementwise.type(dtype) + ", " + (dtype.isFloating() ? "double" : "int64") + ">";
      case TRIANGLE -> "triangle<" + Elementwise.bits(dtype) + ">";
    });
  }

  void arange(Strided out, double start, double step) {
    if (out.numel() == 0) {
      return;
    }
    Launch launch = Launch.begin().word(out.address()).word(out.stride(0)).word(out.numel());
    if (out.dtype().isFloating()) {
      launch.float64(start).float64(step);
    } else {
      launch.word((long) start).word((long) step);
    }
    launch.run(gpu, forms.get(Form.ARANGE, out.dtype()), gpu.blocks(out.numel()), Gpu.BLOCK);
  }

  void triangle(Strided out, Strided x, long diagonal, boolean upper) {
    if (out.numel() == 0) {
      return;
    }
    // An operand that lies nowhere, whose offset is the column less the row.
    long[] above = new long[out.rank()];
    above[out.rank() - 2] = -1;
    above[out.rank() - 1] = 1;
    Space.of(out.sizes().clone(), out.strides().clone(), x.strides().clone(), above).forEachPart((space, offsets) -> {
      int size = out.dtype().size();
      Launch launch = Launch.begin().word(out.address() + offsets[0] * size).word(x.address() + offsets[1] * size);
      for (int k = 0; k < offsets.length; k++) {
        space.writeSteps(k, launch.structure(Space.STEPS, 8));
      }
      space.writeTo(launch).integer((int) space.numel()).word(diagonal - offsets[2]).flag(upper);
      launch.run(gpu, forms.get(Form.TRIANGLE, out.dtype()), gpu.blocks(space.numel()), Gpu.BLOCK);
    });
  }
}
