package org.flambeau.spi;

/// What is found by the order of the elements along a dimension, in which NaN comes last and equal elements by their positions.
public enum OrderStatistic {
  /// The element before which k others come.
  KTH,
  /// The middle one, of two the first; the first NaN where there is any.
  MEDIAN,
  /// The middle one, of two the first, of those that are not NaN; the first NaN where there are none.
  NANMEDIAN,
  /// The last of the elements that are equal to most others, of several such the least. No NaN is equal to another.
  MODE
}
