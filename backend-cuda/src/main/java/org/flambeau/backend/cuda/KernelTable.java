package org.flambeau.backend.cuda;

import java.util.concurrent.atomic.AtomicReferenceArray;

/// Instances of a template, one for each pair of constants, found without a lookup by name on the way to a launch.
final class KernelTable<A extends Enum<A>, B extends Enum<B>> {
  /// The template's instance for a pair, as in `dense<ADD, float32, float32, float32>`.
  interface Instance<A, B> {
    String of(A first, B second);
  }

  private final KernelLibrary library;
  private final String source;
  private final Instance<A, B> instance;
  private final int seconds;
  private final AtomicReferenceArray<Kernel> kernels;

  KernelTable(KernelLibrary library, String source, Class<A> first, Class<B> second, Instance<A, B> instance) {
    this.library = library;
    this.source = source;
    this.instance = instance;
    this.seconds = second.getEnumConstants().length;
    this.kernels = new AtomicReferenceArray<>(first.getEnumConstants().length * seconds);
  }

  @SuppressWarnings("EnumOrdinal") // places in an array that lives as long as the process
  Kernel get(A first, B second) {
    int place = first.ordinal() * seconds + second.ordinal();
    Kernel known = kernels.get(place);
    if (known == null) {
      known = library.get(source, instance.of(first, second));
      kernels.set(place, known);
    }
    return known;
  }
}
