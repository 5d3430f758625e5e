package org.flambeau.data;

import java.util.PrimitiveIterator;

/// The order in which a dataset's samples are read. Each call of [#iterator()] is one epoch.
public interface Sampler {
  /// How many indices an epoch has.
  long size();

  PrimitiveIterator.OfLong iterator();
}
