package org.flambeau.backend.cuda;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.flambeau.DType;

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
    private static final Set<Note> ROUNDED = Set.of(Note.NONDETERMINISTIC, Note.REDUCED_PRECISION_SUMS);
    private static final Set<Note> TENSOR_FLOAT = with(ROUNDED, Note.DOWN_CONVERTED_INPUTS);
    /// What transforms its operands adds and subtracts them first, which cancels.
    private static final Set<Note> EXACT = with(TENSOR_FLOAT, Note.TENSOR_CORE, Note.FFT, Note.WINOGRAD, Note.WINOGRAD_4X4,
        Note.WINOGRAD_6X6, Note.WINOGRAD_13X13);

    private static Set<Note> with(Set<Note> notes, Note... more) {
      return Stream.concat(notes.stream(), Stream.of(more)).collect(Collectors.toUnmodifiableSet());
    }

    /// Of sums of products, which are float32 at least and the same each time.
    ///
    /// @param exact whether float32 stays float32, or may become TF32
    static Limits ofSums(DType dtype, boolean exact, long workspaceBytes) {
      return new Limits(dtype != DType.FLOAT32 ? ROUNDED : exact ? EXACT : TENSOR_FLOAT, workspaceBytes);
    }

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
