package org.flambeau.backend.cuda;

import java.util.function.Function;
import org.flambeau.DType;
import org.jspecify.annotations.Nullable;

/// The instances of a template that goes over rows: one for each number of elements that a lane of a warp holds, and one for blocks; each
/// for single elements and for packs of 16 bytes.
final class RowKernels {
  private static final int WARP = 32;
  /// What a lane may hold of a row, in registers of four bytes, so that kernels with two rows do not spill.
  private static final int MOST_REGISTERS = 32;

  private enum Held {
    ONE(1),
    TWO(2),
    FOUR(4),
    EIGHT(8),
    SIXTEEN(16),
    /// ViT-B's 768 elements.
    TWENTY_FOUR(24),
    THIRTY_TWO(32),
    BLOCK(0);

    private static final Held[] ALL = values();

    private final int elements;

    Held(int elements) {
      this.elements = elements;
    }

    /// Whole packs, as many as there are registers for.
    private boolean holds(DType dtype, int pack) {
      return elements >= pack && elements <= (dtype == DType.FLOAT64 ? MOST_REGISTERS / 2 : MOST_REGISTERS);
    }
  }

  private final KernelTable<Held, DType> single;
  private final KernelTable<Held, DType> packs;

  private RowKernels(KernelLibrary library, String source, String name, String further, boolean blocksOnly) {
    this.single = table(library, source, name, further, blocksOnly, _ -> 1);
    this.packs = table(library, source, name, further, blocksOnly, RowKernels::pack);
  }

  /// Of `nameHeld<T, E, N, further…>` and `nameBlock<T, N, further…>`.
  RowKernels(KernelLibrary library, String source, String name, String further) {
    this(library, source, name, further, false);
  }

  /// Of `nameBlock<T, N>` alone.
  static RowKernels ofBlocks(KernelLibrary library, String source, String name) {
    return new RowKernels(library, source, name, "", true);
  }

  private static KernelTable<Held, DType> table(KernelLibrary library, String source, String name, String further, boolean blocksOnly,
      Function<DType, Integer> pack) {
    KernelTable.Domain<Held, DType> domain = (held, dtype) -> dtype.isFloating()
        && (held == Held.BLOCK || !blocksOnly && held.holds(dtype, pack.apply(dtype)));
    return new KernelTable<>(library, source, Held.class, DType.class, domain, (held, dtype) -> {
      String type = Elementwise.type(dtype);
      String shape = held == Held.BLOCK ? "Block<" + type : "Held<" + type + ", " + held.elements;
      return name + shape + ", " + pack.apply(dtype) + further + ">";
    });
  }

  /// Elements of 16 bytes.
  static int pack(DType dtype) {
    return 16 / dtype.size();
  }

  /// The one that holds a row of that length in a warp, unless it is too long.
  @Nullable Kernel held(DType dtype, long length, boolean packed) {
    for (Held held : Held.ALL) {
      if (held.holds(dtype, packed ? pack(dtype) : 1) && held.elements * (long) WARP >= length) {
        return (packed ? packs : single).get(held, dtype);
      }
    }
    return null;
  }

  Kernel block(DType dtype, boolean packed) {
    return (packed ? packs : single).get(Held.BLOCK, dtype);
  }
}
