package org.flambeau.spi;

import java.util.List;
import org.flambeau.DType;

/// Element-wise functions one after the other, each on operands of the whole or results of former ones, of which the last is the result:
/// sigmoid(a·b)·c, say. [Kernels#chain] computes one without writing anything else to memory.
///
/// Values are counted: first the operands, then the links' results. Each link's result is rounded to its dtype, so that a chain's result is,
/// to the bit where the kernels of its links are that exact, what they leave one by one.
///
/// @param operands how many operands the whole has
/// @param links in the order in which they are computed
public record Chain(int operands, List<Link> links) {
  /// The greatest number of operands of a chain that is asked of a backend.
  public static final int MOST_OPERANDS = 8;
  /// The greatest number of links of a chain that is asked of a backend.
  public static final int MOST_LINKS = 32;

  /// One function.
  ///
  /// @param dtype of its result
  /// @param reads the numbers of the values that are its operands
  public record Link(Pointwise function, DType dtype, List<Integer> reads) {
    public Link {
      reads = List.copyOf(reads);
      if (reads.size() != function.operands()) {
        throw new IllegalArgumentException("[chain] " + function + " has " + function.operands() + " operands, got " + reads);
      }
    }
  }

  public Chain {
    links = List.copyOf(links);
    if (links.isEmpty()) {
      throw new IllegalArgumentException("[chain] expected at least one link");
    }
    for (int i = 0; i < links.size(); i++) {
      for (int value : links.get(i).reads()) {
        if (value < 0 || value >= operands + i) {
          throw new IllegalArgumentException(
              "[chain] link " + i + " reads value " + value + " of " + (operands + i) + " that there are by then");
        }
      }
    }
  }

  /// The dtype of the result.
  public DType dtype() {
    return links.getLast().dtype();
  }
}
