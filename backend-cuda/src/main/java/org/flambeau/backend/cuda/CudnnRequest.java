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

  /// The same by what uses less memory, as a request of its own, for which nothing is tried.
  ///
  /// @param request how it was asked for at first
  /// @param than bytes that are too many
  record Leaner(CudnnRequest request, long than) implements CudnnRequest {
    @Override
    public List<CudnnOperation> operations() {
      return request.operations();
    }

    @Override
    public Limits limits() {
      return new Limits(request.limits().refused, than - 1);
    }

    @Override
    public double work() {
      return 0;
    }

    @Override
    public CudnnRequest whole() {
      return request;
    }
  }

  /// What is asked for, as if there were memory.
  default CudnnRequest whole() {
    return this;
  }
}
