package org.flambeau.backend.cuda;

import java.util.List;
import java.util.Set;

/// What cuDNN is asked for, as a value: all that plans depend on, by which they are found again.
interface CudnnRequest {
  /// What engines note of how they compute, cudnnBackendNumericalNote_t.
  enum Note {
    TENSOR_CORE, DOWN_CONVERTED_INPUTS, REDUCED_PRECISION_SUMS, FFT, NONDETERMINISTIC, WINOGRAD, WINOGRAD_4X4, WINOGRAD_6X6, WINOGRAD_13X13
  }

  /// What an engine must keep to.
  ///
  /// @param refused notes that it must not have
  /// @param workspaceBytes what it may use
  record Limits(Set<Note> refused, long workspaceBytes) {
    boolean allow(List<Integer> notes) {
      return refused.stream().noneMatch(note -> notes.contains(note.ordinal()));
    }
  }

  List<CudnnOperation> operations();

  Limits limits();

  /// Multiplications and additions, about.
  double work();
}
