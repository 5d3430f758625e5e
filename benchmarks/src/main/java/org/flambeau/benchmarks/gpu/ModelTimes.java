package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/// Whole models in all forms that there are predictions for, beside PyTorch: results first, then times, `torch.compile`'s last, since each is
/// compiled for long.
final class ModelTimes {
  private static final String CHANNELS_LAST = "channels_last", COMPILED = "compiled", GRAPH = "graph", UNTUNED = "untuned";

  private final Setup setup;
  private final Beside beside;
  private final String size;
  private final boolean gpu;

  private ModelTimes(Setup setup, Beside beside) {
    this.setup = setup;
    this.beside = beside;
    this.size = setup.get("size", "224");
    this.gpu = !setup.device().startsWith("cpu");
  }

  /// @param found takes what was found so far, after each answer
  static void measure(Setup setup, Peer peer, Instant end, Consumer<Map<String, Object>> found) throws IOException {
    try (Beside beside = new Beside(setup.models("models"), peer, end, found)) {
      new ModelTimes(setup, beside).measure();
    }
  }

  private List<String> models() {
    return setup.list("models", "resnet18,vit_b_16");
  }

  /// What makes a row.
  private record Kind(String model, boolean training, String batch, String precision) {
    String name(String size) {
      return String.join(" ", model, training ? "training" : "inference", batch, precision, size);
    }
  }

  private void measure() throws IOException {
    List<Kind> kinds = kinds();
    List<Map<String, Object>> rows = beside.rows(kinds.stream().map(kind -> kind.name(size)).toList());
    compare();
    for (int i = 0; i < kinds.size(); i++) {
      String name = kinds.get(i).name(size);
      Map<String, String> ours = new LinkedHashMap<>();
      ours.put(Beside.OURS, "time eager " + name);
      forms(kinds.get(i)).forEach(form -> ours.put(Beside.OURS + " " + form, "time " + form + " " + name));
      Map<String, String> theirs = new LinkedHashMap<>();
      theirs.put(Beside.EAGER, "time eager " + name);
      if (isConvolutional(kinds.get(i).model)) {
        theirs.put(Beside.EAGER + " " + CHANNELS_LAST, "time channels_last " + name);
      }
      beside.inTurns(rows.get(i), ours, theirs);
      if (i == models().size() - 1) {
        untuned(kinds, rows);
      }
    }
    for (Map<String, Object> row : rows) {
      beside.put(row, Beside.COMPILED, beside.askPeer("time compile " + row.get("name")));
    }
  }

  /// Large batches first, which tell most of kernels, then single images, which tell most of the host.
  private List<Kind> kinds() {
    List<Kind> kinds = new ArrayList<>();
    Set<String> batches = new LinkedHashSet<>(setup.list("batches", "32,1,8,128"));
    for (String batch : batches) {
      for (String precision : precisions("bf16,amp,tf32,fp32")) {
        for (boolean training : new boolean[] {false, true}) {
          boolean wanted = !training || setup.list("batches", "32,1,8").contains(batch) && precisions("amp,tf32").contains(precision);
          if (wanted) {
            models().forEach(model -> kinds.add(new Kind(model, training, batch, precision)));
          }
        }
      }
    }
    return kinds;
  }

  private List<String> precisions(String otherwise) {
    return setup.list("precisions", otherwise);
  }

  private static boolean isConvolutional(String model) {
    return model.startsWith("resnet");
  }

  /// How else than one operation after the other with rows of pixels the model can be run.
  private List<String> forms(Kind kind) {
    List<String> wanted = setup.list("forms", String.join(",", COMPILED, GRAPH, CHANNELS_LAST, UNTUNED));
    String whole = kind.training ? GRAPH : COMPILED;
    List<String> forms = new ArrayList<>();
    if (wanted.contains(whole) && (gpu || !kind.training)) {
      forms.add(whole);
    }
    if (wanted.contains(CHANNELS_LAST) && isConvolutional(kind.model)) {
      List.copyOf(forms).forEach(form -> forms.add(CHANNELS_LAST + "+" + form));
      forms.add(CHANNELS_LAST);
    }
    return forms;
  }

  /// The first rows, one of each model, once more, where the first engines and algorithms are taken.
  private void untuned(List<Kind> kinds, List<Map<String, Object>> rows) {
    if (!gpu || !setup.list("forms", UNTUNED).contains(UNTUNED)) {
      return;
    }
    try (Worker worker = setup.models("untuned", "-Dflambeau.cuda.autotune=false")) {
      for (int row = 0; row < models().size(); row++) {
        beside.put(rows.get(row), Beside.OURS + " " + UNTUNED, beside.ask(worker, "time eager " + kinds.get(row).name(size)));
      }
    }
  }

  /// Logits and gradients on the same weights, at a batch that is timed too.
  private void compare() throws IOException {
    Map<String, Object> comparisons = new LinkedHashMap<>();
    beside.put("comparisons", comparisons);
    List<String> batches = setup.list("batches", "32,1,8");
    String batch = batches.contains("8") ? "8" : batches.getFirst();
    for (String model : models()) {
      for (String precision : precisions("bf16,amp,tf32,fp32")) {
        String what = String.join(" ", model, batch, precision, size);
        beside.put(comparisons, what, compare(what));
      }
    }
  }

  private Map<String, Object> compare(String what) throws IOException {
    Path file = Files.createTempFile("flambeau", ".pth");
    try {
      Map<String, Object> saved = beside.ask("save " + what + " " + file);
      return saved.containsKey("error") ? saved : beside.askPeer("compare " + what + " " + file);
    } finally {
      Files.deleteIfExists(file);
    }
  }
}
