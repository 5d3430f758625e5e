package org.flambeau.backend.cuda;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.flambeau.spi.Chain;
import org.flambeau.spi.Strided;

/// Chains of element-wise functions, each by a kernel that is generated for it and its operands' dtypes.
final class Chains {
  /// Bits that tell one operand's dtype, and whether it is a number of the host.
  private static final int KIND = 5;

  private final KernelLibrary library;
  private final Elementwise elementwise;
  private final ConcurrentMap<Key, Kernel> kernels = new ConcurrentHashMap<>();

  /// What a kernel is for.
  ///
  /// @param kinds [#KIND] bits for each operand
  private record Key(Chain chain, long kinds, Elementwise.Layout layout) {}

  Chains(KernelLibrary library, Elementwise elementwise) {
    this.library = library;
    this.elementwise = elementwise;
  }

  void run(Chain chain, Strided out, Strided... operands) {
    long kinds = kinds(operands);
    elementwise.run(layout -> kernels.computeIfAbsent(new Key(chain, kinds, layout), _ -> generate(chain, layout, operands)), out,
        operands);
  }

  @SuppressWarnings("EnumOrdinal") // a number within this process
  private static long kinds(Strided... operands) {
    if (operands.length > Chain.MOST_OPERANDS) {
      throw new IllegalArgumentException("[chain] expected at most " + Chain.MOST_OPERANDS + " operands, got " + operands.length);
    }
    long kinds = 0;
    for (Strided operand : operands) {
      kinds = kinds << KIND | operand.dtype().ordinal() << 1 | (operand.isHostScalar() ? 1 : 0);
    }
    return kinds;
  }

  private Kernel generate(Chain chain, Elementwise.Layout layout, Strided... operands) {
    ChainSource source = ChainSource.of(chain, operands);
    return library.get(Elementwise.SOURCE, source.text(), source.instance(layout));
  }
}
