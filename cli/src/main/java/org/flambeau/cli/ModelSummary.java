package org.flambeau.cli;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.autograd.Node.Registration;
import org.flambeau.nn.ConvTranspose2d;
import org.flambeau.nn.Convolution;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.MultiheadAttention;

/// What a model is made of and what a forward pass costs.
///
/// @param layers each call of a module, in the order of calling
/// @param parameters how many numbers the model learns
/// @param trainable how many of them are not frozen
public record ModelSummary(List<Layer> layers, long parameters, long trainable) {
  /// One call of a module.
  ///
  /// @param depth how many modules stand around it
  /// @param parameters of its own and of those below it
  /// @param multiplyAdds pairs of a multiplication and an addition, below it too, in convolutions, linear layers and attention: what papers
  ///        call FLOPs
  public record Layer(String name, String type, int depth, String output, long parameters, long multiplyAdds) {}

  /// Runs `model` on `input` once, as it is, and looks on.
  public static ModelSummary of(Module model, Tensor input) {
    Recorder recorder = new Recorder(model);
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      model.call(input);
    } finally {
      recorder.registrations.forEach(Registration::close);
    }
    return new ModelSummary(recorder.calls.stream().map(Call::layer).toList(), numel(model.parameters()),
        numel(model.parameters().stream().filter(Tensor::requiresGrad).toList()));
  }

  public long multiplyAdds() {
    return layers.isEmpty() ? 0 : layers.getFirst().multiplyAdds;
  }

  /// As a table, down to the layers that are `depth` modules deep.
  String table(int depth) {
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"layer", "type", "output", "parameters", "multiply-adds"});
    layers.stream().filter(layer -> layer.depth <= depth)
        .forEach(layer -> rows.add(new String[] {"  ".repeat(layer.depth) + layer.name, layer.type,
          layer.output, blankIfZero(layer.parameters), blankIfZero(layer.multiplyAdds)}));
    return Table.of(rows, 3);
  }

  private static String blankIfZero(long count) {
    return count == 0 ? "" : Quantities.count(count);
  }

  private static long numel(List<Tensor> tensors) {
    return tensors.stream().mapToLong(Tensor::numel).sum();
  }

  private static final class Call {
    final String name;
    final Module module;
    final int depth;
    String output = "";
    long multiplyAdds;

    Call(String name, Module module, int depth) {
      this.name = name;
      this.module = module;
      this.depth = depth;
    }

    Layer layer() {
      return new Layer(name, module.getClass().getSimpleName(), depth, output, numel(module.parameters()), multiplyAdds);
    }
  }

  /// Sees calls begin and end.
  private static final class Recorder {
    final List<Call> calls = new ArrayList<>();
    final List<Registration> registrations = new ArrayList<>();
    private final Map<Module, String> names = new HashMap<>();
    private final Deque<Call> open = new ArrayDeque<>();

    Recorder(Module model) {
      model.namedModules().forEach((path, module) -> {
        names.put(module, path.isEmpty() ? "model" : path.substring(path.lastIndexOf('.') + 1));
        registrations.add(module.registerForwardPreHook((called, _) -> {
          begin(called);
          return null;
        }));
        registrations.add(module.registerForwardHook((called, inputs, output) -> {
          end(called, inputs, output);
          return null;
        }));
      });
    }

    private void begin(Module module) {
      Call call = new Call(names.getOrDefault(module, ""), module, open.size());
      calls.add(call);
      open.push(call);
    }

    private void end(Module module, Tensor[] inputs, Tensor output) {
      Call call = open.pop();
      call.output = Arrays.stream(output.sizes()).mapToObj(Long::toString).collect(Collectors.joining("x"));
      call.multiplyAdds += own(module, inputs, output);
      if (!open.isEmpty()) {
        open.element().multiplyAdds += call.multiplyAdds;
      }
    }

    /// What a module computes itself.
    private static long own(Module module, Tensor[] inputs, Tensor output) {
      return switch (module) {
        case ConvTranspose2d transposed -> inputs[0].numel() * transposed.weight().numel() / transposed.inChannels();
        case Convolution convolution -> output.numel() * convolution.weight().numel() / convolution.outChannels();
        case Linear linear -> output.numel() * linear.inFeatures();
        case MultiheadAttention attention -> attention(attention, inputs[0], inputs[inputs.length - 1]);
        default -> 0;
      };
    }

    /// The projections of query, key and value, the scores, and the sums that they weigh. The last projection is a module of its own.
    private static long attention(MultiheadAttention attention, Tensor query, Tensor key) {
      long dimension = attention.inProjWeight().size(1);
      long batch = query.dim() == 3 ? query.numel() / dimension / places(query) : 1;
      return (query.numel() + 2 * key.numel()) * dimension + 2 * batch * places(query) * places(key) * dimension;
    }

    private static long places(Tensor sequence) {
      return sequence.size(sequence.dim() - 2);
    }
  }
}
