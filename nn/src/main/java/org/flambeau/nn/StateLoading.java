package org.flambeau.nn;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;

/// How a state dict gets into a module: everything is compared before anything is copied.
final class StateLoading {
  private StateLoading() {}

  static IncompatibleKeys load(Module module, StateDict given, boolean strict) {
    Map<String, Tensor> state = new LinkedHashMap<>(given);
    Map<String, Tensor> own = new LinkedHashMap<>();
    module.visit("", (prefix, part) -> {
      part.upgrade(state, prefix, given.version(prefix));
      part.stateHooks().beforeLoading(part, state, prefix, given.version(prefix));
      part.ownState((name, tensor) -> own.put(prefix + name, tensor));
    });
    var keys = new IncompatibleKeys(new ArrayList<>(own.keySet()), new ArrayList<>(state.keySet()));
    keys.missing().removeAll(state.keySet());
    keys.unexpected().removeAll(own.keySet());
    boolean seen = module.modules().stream().anyMatch(part -> !part.stateHooks().afterLoading.isEmpty());
    List<String> errors = strict && !seen ? errors(keys) : new ArrayList<>();
    own.forEach((name, target) -> {
      Tensor source = state.get(name);
      if (source != null && !Arrays.equals(source.sizes(), target.sizes()) && !isNumber(source, target)) {
        errors.add("size mismatch for " + name + ": copying a param with shape " + size(source)
            + " from checkpoint, the shape in current model is " + size(target) + ".");
      }
    });
    refuse(module, errors);
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      own.forEach((name, target) -> {
        Tensor source = state.get(name);
        if (source != null) {
          target.copy_(isNumber(source, target) ? source.squeeze() : source);
        }
      });
    }
    if (seen) {
      showKeys(module, keys);
      refuse(module, strict ? errors(keys) : List.of());
    }
    return keys;
  }

  private static void showKeys(Module module, IncompatibleKeys keys) {
    module.namedChildren().values().forEach(child -> showKeys(child, keys));
    module.stateHooks().afterLoading(module, keys);
  }

  private static List<String> errors(IncompatibleKeys keys) {
    List<String> errors = new ArrayList<>();
    if (!keys.missing().isEmpty()) {
      errors.add("Missing key(s) in state_dict: " + quoted(keys.missing()) + ". ");
    }
    if (!keys.unexpected().isEmpty()) {
      errors.add("Unexpected key(s) in state_dict: " + quoted(keys.unexpected()) + ". ");
    }
    return errors;
  }

  private static void refuse(Module module, List<String> errors) {
    if (!errors.isEmpty()) {
      throw new IllegalArgumentException("Error(s) in loading state_dict for " + module.name() + ":\n\t" + String.join("\n\t", errors));
    }
  }

  /// Whether a number was written with one dimension, as PyTorch did before 0.4 and other libraries do.
  private static boolean isNumber(Tensor source, Tensor target) {
    return target.dim() == 0 && source.dim() == 1 && source.numel() == 1;
  }

  private static String quoted(List<String> names) {
    return names.stream().map(name -> "\"" + name + "\"").collect(Collectors.joining(", "));
  }

  private static String size(Tensor tensor) {
    return "torch.Size(" + Arrays.toString(tensor.sizes()) + ")";
  }
}
