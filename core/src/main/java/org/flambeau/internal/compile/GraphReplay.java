package org.flambeau.internal.compile;

import java.lang.ref.Cleaner;
import java.util.List;
import org.flambeau.BackendException;
import org.flambeau.CudaGraph;
import org.flambeau.internal.Backends;
import org.flambeau.internal.memory.DeviceMemory;
import org.flambeau.internal.ops.Layout;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Runs a program on a GPU as a CUDA graph: operands are copied to where the graph reads them, the result from where it leaves it. The first run is
/// done kernel by kernel, which compiles kernels and chooses algorithms; the second is recorded.
final class GraphReplay {
  private static final Logger LOG = LoggerFactory.getLogger(GraphReplay.class);

  private static final Cleaner CLEANER = Cleaner.create();
  /// Held while a graph is recorded, of which there may be one at a time.
  private static final Object CAPTURES = new Object();

  private final Program program;
  private final List<View> like;
  private Strided[] inputs = {};
  private @Nullable Strided result;
  /// Kept because the graph works in its memory.
  private @Nullable Frame frame;
  private @Nullable CudaGraph graph;
  private boolean warm;
  private boolean possible;

  GraphReplay(Program program, List<Strided> inputs) {
    this.program = program;
    this.like = inputs.stream().map(x -> View.of(Buffer.input(0, x.storage()), x)).toList();
    this.possible = inputs.stream().allMatch(x -> x.device().equals(program.device()) && Layout.isDense(x));
  }

  synchronized Strided run(Strided[] operands) {
    if (!warm || !possible) {
      warm = true;
      return program.run(operands);
    }
    CudaGraph recorded = graph != null ? graph : record();
    if (recorded == null || result == null) {
      return program.run(operands);
    }
    Kernels kernels = Backends.kernels(program.device());
    for (int i = 0; i < operands.length; i++) {
      kernels.copy(inputs[i], operands[i]);
    }
    recorded.replay();
    Strided out = program.result().in(program.newResult());
    kernels.copy(out, result);
    return out;
  }

  private @Nullable CudaGraph record() {
    DeviceMemory memory = DeviceMemory.of(program.device());
    inputs = like.stream().map(x -> {
      Storage storage = memory.allocateUnscoped(Math.max(1, Strided.numel(x.sizes())) * x.dtype().size());
      return Strided.of(storage, x.dtype(), 0, x.sizes(), x.strides());
    }).toArray(Strided[]::new);
    Storage own = memory.allocateUnscoped(program.result().buffer().bytes());
    Frame fixed = program.takeFrame();
    program.bind(fixed, inputs, own);
    try {
      CudaGraph captured;
      synchronized (CAPTURES) {
        captured = CudaGraph.capture(program.device(), () -> fixed.run(Backends.kernels(program.device())));
      }
      CLEANER.register(this, captured::close);
      graph = captured;
      frame = fixed;
      result = program.result().in(own);
    } catch (IllegalStateException | UnsupportedOperationException | BackendException e) {
      LOG.info("A compiled forward pass runs kernel by kernel, since it cannot be a CUDA graph: {}", e.getMessage());
      possible = false;
      inputs = new Strided[0];
      program.giveBack(fixed);
    }
    return graph;
  }
}
