package org.flambeau.nn;

import java.util.List;

/// What did not match when a state dict was loaded, in lists of their own.
///
/// @param missing names that the module has and the state dict has not
/// @param unexpected names that the state dict has and the module has not
public record IncompatibleKeys(List<String> missing, List<String> unexpected) {
  /// Whether everything matched.
  public boolean isEmpty() {
    return missing.isEmpty() && unexpected.isEmpty();
  }
}
