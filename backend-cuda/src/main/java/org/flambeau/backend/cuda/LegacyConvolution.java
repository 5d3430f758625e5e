package org.flambeau.backend.cuda;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.BackendException;
import org.flambeau.DType;
import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.backend.cuda.Convolutions.Request;
import org.flambeau.backend.cuda.CudnnOperation.Direction;
import org.flambeau.backend.cuda.binding.CudnnLegacy;
import org.flambeau.backend.cuda.binding.CudnnLegacy.Kind;
import org.flambeau.backend.cuda.binding.CudnnLegacy.Operand;
import org.flambeau.backend.cuda.binding.CudnnLegacy.Operands;
import org.flambeau.backend.cuda.binding.CudnnLegacy.Pass;
import org.flambeau.spi.Reclaimable;
import org.flambeau.spi.Strided;

/// Convolutions that cuDNN's graph API has no engine for, by the algorithms of its legacy API.
///
/// Those take tensors without gaps, rows or channels last, all three alike; what lies otherwise is copied, as little as can be. Only
/// deterministic ones are asked.
final class LegacyConvolution {
  // cudnnMathType_t
  private static final int DEFAULT_MATH = 0;
  private static final int TENSOR_OP_MATH = 1;
  private static final int FMA_MATH = 3;

  private final Gpu gpu;
  private final Elementwise elementwise;
  private final CudnnContext.Pool contexts;
  private final Map<Request, Choice> choices = new ConcurrentHashMap<>();

  LegacyConvolution(Gpu gpu, Elementwise elementwise, CudnnContext.Pool contexts) {
    this.gpu = gpu;
    this.elementwise = elementwise;
    this.contexts = contexts;
  }

  /// cudnnTensorFormat_t.
  private enum Format {
    ROWS(0), CHANNELS_LAST(1);

    private final int code;

    Format(int code) {
      this.code = code;
    }

    /// Elements that do not lie so.
    long copies(Strided... operands) {
      return Stream.of(operands).filter(operand -> !fits(operand)).mapToLong(Strided::numel).sum();
    }

    boolean fits(Strided x) {
      return this == ROWS ? x.isContiguous() : x.with(x.offset(), channelsLast(x.sizes()), channelsLast(x.strides())).isContiguous();
    }

    long[] strides(long[] sizes) {
      return this == ROWS ? Strided.contiguousStrides(sizes)
          : new long[] {sizes[1] * sizes[2] * sizes[3], 1, sizes[1] * sizes[3], sizes[1]};
    }

    private static long[] channelsLast(long[] dims) {
      return new long[] {dims[0], dims[2], dims[3], dims[1]};
    }
  }

  /// How a request is done: on tensors that lie as `format` says, copies where they do not.
  private record Choice(Format format, int algorithm) {}

  /// Does what a request without epilogue asks for. The collector is waited for only where no choice has room without.
  ///
  /// @throws BackendException where no algorithm does it
  void run(Request request, Strided x, Strided weight, Strided y) {
    boolean issued;
    try {
      issued = search(request, x, weight, y);
    } catch (DeviceOutOfMemoryException _) {
      Reclaimable.collect(Convolutions.MAX_WORKSPACE);
      issued = search(request, x, weight, y);
    }
    if (!issued) {
      throw new BackendException("[conv2d] cuDNN has no engine and no deterministic algorithm for " + request + CudnnProposals.reason());
    }
    gpu.launched("cuDNN's legacy " + request.direction());
  }

  /// Has the choice that did the work before do it, or the first candidate that can, which will do it from now on, unless an earlier one
  /// has no room this time. False where all refuse.
  ///
  /// @throws DeviceOutOfMemoryException where those that do not refuse have no room
  private boolean search(Request request, Strided x, Strided weight, Strided y) {
    Choice known = choices.get(request);
    DeviceOutOfMemoryException noRoom = null;
    for (Choice choice : Stream.concat(Stream.ofNullable(known), candidates(request, x, weight, y)).distinct().toList()) {
      try {
        if (issue(request, choice, x, weight, y)) {
          if (noRoom == null && choice != known) {
            choices.put(request, choice);
          }
          return true;
        }
      } catch (DeviceOutOfMemoryException e) {
        noRoom = e;
      }
    }
    if (noRoom != null) {
      throw noRoom;
    }
    return false;
  }

  /// First those for which least is copied, mostly nothing or the weight.
  private static Stream<Choice> candidates(Request request, Strided... operands) {
    return Stream.of(Format.CHANNELS_LAST, Format.ROWS).sorted(Comparator.comparingLong(format -> format.copies(operands)))
        .flatMap(format -> algorithms(request).mapToObj(algorithm -> new Choice(format, algorithm)));
  }

  /// Products of which nothing is added up by atomics, then, where float32 need not stay exact, Fourier transforms, in tiles and whole:
  /// cudnnConvolutionFwdAlgo_t and its like.
  private static IntStream algorithms(Request request) {
    IntStream products = request.direction() == Direction.FORWARD ? IntStream.of(1, 0) : IntStream.of(1);
    IntStream transforms = switch (request.direction()) {
      case FORWARD -> IntStream.of(5, 4);
      case BACKWARD_INPUT -> IntStream.of(3, 2);
      case BACKWARD_WEIGHT -> IntStream.of(6, 2);
    };
    return request.exact() ? products : IntStream.concat(products, transforms);
  }

  /// Issues the work, or returns false where the algorithm is not for it. The collector is not waited for.
  ///
  /// @throws DeviceOutOfMemoryException where copies or the algorithm have no room
  private boolean issue(Request request, Choice choice, Strided x, Strided weight, Strided y) {
    Strided result = switch (request.direction()) {
      case FORWARD -> y;
      case BACKWARD_INPUT -> x;
      case BACKWARD_WEIGHT -> weight;
    };
    Format format = choice.format;
    try (var copies = new Copies(gpu, elementwise, bytes -> Workspace.atOnce(gpu, bytes))) {
      Strided computed = format.fits(result) ? result : copies.room(result, format.strides(result.sizes()));
      List<Strided> lying = Stream.of(x, weight, y)
          .map(operand -> operand == result ? computed
              : format.fits(operand) ? operand : copies.copy(operand, format.strides(operand.sizes())))
          .toList();
      boolean issued = issueAsTheyLie(request, choice, lying.get(0), lying.get(1), lying.get(2));
      if (issued && computed != result) {
        elementwise.copy(result, computed);
      }
      return issued;
    }
  }

  private boolean issueAsTheyLie(Request request, Choice choice, Strided x, Strided weight, Strided y) {
    try (CudnnContext context = contexts.take(); var descriptors = new Descriptors()) {
      var image = new Operand(descriptors.tensor(choice.format, x), x.address());
      var filter = new Operand(descriptors.filter(choice.format, weight), weight.address());
      var result = new Operand(descriptors.tensor(choice.format, y), y.address());
      long convolution = descriptors.convolution(request);
      Pass pass = switch (request.direction()) {
        case FORWARD -> Pass.FORWARD;
        case BACKWARD_INPUT -> Pass.BACKWARD_DATA;
        case BACKWARD_WEIGHT -> Pass.BACKWARD_FILTER;
      };
      Operands operands = switch (pass) {
        case FORWARD -> new Operands(image, filter, convolution, result);
        case BACKWARD_DATA -> new Operands(filter, result, convolution, image);
        case BACKWARD_FILTER -> new Operands(image, result, convolution, filter);
      };
      OptionalLong bytes = pass.workspaceBytes(context.handle(), operands, choice.algorithm);
      if (bytes.isEmpty() || bytes.getAsLong() > Convolutions.MAX_WORKSPACE) {
        return false;
      }
      try (Workspace workspace = Workspace.atOnce(gpu, bytes.getAsLong())) {
        boolean wide = request.dtype() == DType.FLOAT64;
        return pass.run(context.handle(), operands, choice.algorithm, workspace.address(), bytes.getAsLong(), wide);
      }
    }
  }

  /// The legacy API's descriptors for the time of a call.
  private static final class Descriptors implements AutoCloseable {
    private final Deque<Runnable> made = new ArrayDeque<>();

    long tensor(Format format, Strided x) {
      long descriptor = make(Kind.TENSOR);
      CudnnLegacy.setTensor(descriptor, format.code, CudnnOperation.code(x.dtype()), x.sizes());
      return descriptor;
    }

    long filter(Format format, Strided weight) {
      long descriptor = make(Kind.FILTER);
      CudnnLegacy.setFilter(descriptor, format.code, CudnnOperation.code(weight.dtype()), weight.sizes());
      return descriptor;
    }

    long convolution(Request request) {
      long descriptor = make(Kind.CONVOLUTION);
      CudnnLegacy.setConvolution(descriptor, request.spec(), CudnnOperation.code(CudnnOperation.arithmetic(request.dtype())),
          math(request));
      return descriptor;
    }

    private static int math(Request request) {
      return switch (request.dtype()) {
        case FLOAT16, BFLOAT16 -> TENSOR_OP_MATH;
        case FLOAT32 -> request.exact() ? FMA_MATH : DEFAULT_MATH; // which is TF32
        default -> DEFAULT_MATH;
      };
    }

    private long make(Kind kind) {
      long descriptor = kind.create();
      made.push(() -> kind.destroy(descriptor));
      return descriptor;
    }

    @Override
    public void close() {
      made.forEach(Runnable::run);
    }
  }
}
