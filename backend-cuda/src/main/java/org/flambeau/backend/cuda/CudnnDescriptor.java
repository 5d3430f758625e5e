package org.flambeau.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.backend.cuda.binding.Cudnn;

/// One object of cuDNN's graph API: it is given attributes, then finished, and then others may refer to it.
final class CudnnDescriptor implements AutoCloseable {
  /// What the numbers of cudnn_graph.h call descriptors, cudnnBackendDescriptorType_t.
  static final int POINTWISE = 0;
  static final int CONVOLUTION = 1;
  static final int ENGINE = 2;
  static final int ENGINE_CONFIG = 3;
  static final int HEURISTICS = 4;
  static final int EXECUTION_PLAN = 5;
  static final int CONVOLUTION_FORWARD = 10;
  static final int CONVOLUTION_BACKWARD_FILTER = 11;
  static final int CONVOLUTION_BACKWARD_DATA = 12;
  static final int POINTWISE_OPERATION = 13;
  static final int OPERATION_GRAPH = 15;
  static final int VARIANT_PACK = 16;
  static final int TENSOR = 17;
  static final int MATMUL = 18;
  static final int MATMUL_OPERATION = 19;
  static final int REDUCTION = 21;
  static final int REDUCTION_OPERATION = 22;
  static final int RESHAPE_OPERATION = 31;

  /// The types of attributes, cudnnBackendAttributeType_t.
  static final int HANDLE = 0;
  static final int DATA_TYPE = 1;
  static final int BOOLEAN = 2;
  static final int INT64 = 3;
  static final int FLOAT = 4;
  static final int DOUBLE = 5;
  static final int POINTER = 6;
  static final int CONVOLUTION_MODE = 7;
  static final int HEURISTIC_MODE = 8;
  static final int NAN_PROPAGATION = 10;
  static final int NUMERICAL_NOTE = 11;
  static final int POINTWISE_MODE = 14;
  static final int DESCRIPTOR = 15;
  static final int REDUCTION_MODE = 18;

  private final long address;

  CudnnDescriptor(int type) {
    this.address = Cudnn.createDescriptor(type);
  }

  long address() {
    return address;
  }

  /// Sets an attribute that is one constant of an enumeration.
  CudnnDescriptor setConstant(int attribute, int type, int constant) {
    return set(attribute, type, 1, arena -> arena.allocateFrom(JAVA_INT, constant));
  }

  CudnnDescriptor setLongs(int attribute, long... values) {
    return set(attribute, INT64, values.length, arena -> arena.allocateFrom(JAVA_LONG, values));
  }

  CudnnDescriptor set(int attribute, CudnnDescriptor... values) {
    long[] addresses = Arrays.stream(values).mapToLong(CudnnDescriptor::address).toArray();
    return set(attribute, DESCRIPTOR, values.length, arena -> arena.allocateFrom(JAVA_LONG, addresses));
  }

  CudnnDescriptor setTrue(int attribute) {
    return set(attribute, BOOLEAN, 1, arena -> arena.allocateFrom(JAVA_BYTE, (byte) 1));
  }

  CudnnDescriptor setFloat(int attribute, float value) {
    return set(attribute, FLOAT, 1, arena -> arena.allocateFrom(JAVA_FLOAT, value));
  }

  CudnnDescriptor setDouble(int attribute, double value) {
    return set(attribute, DOUBLE, 1, arena -> arena.allocateFrom(JAVA_DOUBLE, value));
  }

  CudnnDescriptor setHandle(int attribute, long handle) {
    return set(attribute, HANDLE, 1, arena -> arena.allocateFrom(JAVA_LONG, handle));
  }

  private interface Elements {
    MemorySegment in(Arena arena);
  }

  private CudnnDescriptor set(int attribute, int type, long count, Elements elements) {
    try (Arena arena = Arena.ofConfined()) {
      Cudnn.setAttribute(address, attribute, type, count, elements.in(arena).address());
    }
    return this;
  }

  /// Makes it ready for others to refer to.
  ///
  /// @throws NotSupported where cuDNN does not do what it describes
  CudnnDescriptor finish() {
    int status = Cudnn.finalizeDescriptor(address);
    if (Cudnn.isNotSupported(status)) {
      throw new NotSupported();
    }
    Cudnn.check("cudnnBackendFinalize", status);
    return this;
  }

  /// Whether it could be finished, whatever the reason why not.
  boolean tryFinish() {
    return Cudnn.finalizeDescriptor(address) == 0;
  }

  /// Something valid that cuDNN has no engine for: an answer rather than an error.
  static final class NotSupported extends RuntimeException {
    private static final long serialVersionUID = 1;

    private NotSupported() {
      super("[cudnnBackendFinalize] not supported" + CudnnProposals.reason());
    }
  }

  long getLong(int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_LONG);
      Cudnn.getAttribute(address, attribute, INT64, 1, value.address());
      return value.get(JAVA_LONG, 0);
    }
  }

  /// At most `most` constants of an enumeration.
  List<Integer> getConstants(int attribute, int type, int most) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(JAVA_INT, most);
      long count = Cudnn.getAttribute(address, attribute, type, most, values.address());
      return Arrays.stream(values.toArray(JAVA_INT)).limit(count).boxed().toList();
    }
  }

  /// The descriptors, of a type, that an attribute consists of; they are the caller's to close.
  List<CudnnDescriptor> getDescriptors(int attribute, int type) {
    long count = Cudnn.getAttribute(address, attribute, DESCRIPTOR, 0, 0);
    List<CudnnDescriptor> made = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < count; i++) {
        made.add(new CudnnDescriptor(type));
      }
      long[] addresses = made.stream().mapToLong(CudnnDescriptor::address).toArray();
      long filled = Cudnn.getAttribute(address, attribute, DESCRIPTOR, count, arena.allocateFrom(JAVA_LONG, addresses).address());
      while (made.size() > filled) {
        made.removeLast().close();
      }
      return made;
    }
  }

  @Override
  public void close() {
    Cudnn.destroyDescriptor(address);
  }
}
