package org.flambeau.backend.cuda;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.Stream;
import org.flambeau.DType;

/// Instances of a template, one for each pair of constants, found without a lookup by name on the way to a launch.
final class KernelTable<A extends Enum<A>, B extends Enum<B>> {
  /// The template's instance for a pair, as in `dense<ADD, float32, float32, float32>`.
  interface Instance<A, B> {
    String of(A first, B second);
  }

  /// Which pairs there are.
  interface Domain<A, B> {
    boolean has(A first, B second);
  }

  private final KernelLibrary library;
  private final String source;
  private final Class<A> first;
  private final Class<B> second;
  private final Domain<? super A, ? super B> domain;
  private final Instance<A, B> instance;
  private final int seconds;
  private final AtomicReferenceArray<Kernel> kernels;

  KernelTable(KernelLibrary library, String source, Class<A> first, Class<B> second, Domain<? super A, ? super B> domain,
      Instance<A, B> instance) {
    this.library = library;
    this.source = source;
    this.first = first;
    this.second = second;
    this.domain = domain;
    this.instance = instance;
    this.seconds = second.getEnumConstants().length;
    this.kernels = new AtomicReferenceArray<>(first.getEnumConstants().length * seconds);
    library.declare(source, this::instances);
  }

  /// Of a template that has an instance for each pair.
  KernelTable(KernelLibrary library, String source, Class<A> first, Class<B> second, Instance<A, B> instance) {
    this(library, source, first, second, (_, _) -> true, instance);
  }

  /// The domain of what is computed of floating dtypes alone.
  static boolean floating(Object first, DType dtype) {
    return dtype.isFloating();
  }

  private Stream<String> instances() {
    return Stream.of(first.getEnumConstants())
        .flatMap(a -> Stream.of(second.getEnumConstants()).filter(b -> domain.has(a, b)).map(b -> instance.of(a, b)));
  }

  @SuppressWarnings("EnumOrdinal") // places in an array that lives as long as the process
  Kernel get(A first, B second) {
    int place = first.ordinal() * seconds + second.ordinal();
    Kernel known = kernels.get(place);
    if (known == null) {
      if (!domain.has(first, second)) {
        throw new IllegalArgumentException("[cuda] expected what " + source + " has kernels for, got " + first + " of " + second);
      }
      known = library.get(source, instance.of(first, second));
      kernels.set(place, known);
    }
    return known;
  }
}
