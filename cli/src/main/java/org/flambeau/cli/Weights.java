package org.flambeau.cli;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.flambeau.FlambeauException;
import org.flambeau.Tensor;
import org.flambeau.models.DownloadListener;
import org.flambeau.models.Models;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.StateDict;

/// Where a model's weights come from: `none`, `default` (torchvision's, from torch hub's cache or downloaded), or a file.
///
/// @param text as it was given
record Weights(String text) {
  static final String NONE = "none", DEFAULT = "default";

  /// @throws MisuseException where it is a file that does not exist
  Weights {
    if (!text.equals(NONE) && !text.equals(DEFAULT) && !Files.isRegularFile(Path.of(text))) {
      throw new MisuseException("--weights: expected none, default or a .pth or .safetensors file, but there is no file " + text);
    }
  }

  boolean areRandom() {
    return text.equals(NONE);
  }

  /// The model with these weights, and as many classes as they were trained for.
  ///
  /// @param fallback how many classes a model of random weights has
  Module load(Models.Entry entry, int fallback, PrintWriter err) {
    if (areRandom()) {
      return entry.create(fallback);
    }
    Path file = text.equals(DEFAULT) ? download(entry, err) : Path.of(text);
    StateDict state = StateDict.load(file);
    Tensor head = state.get(entry.classifier() + ".weight");
    if (head == null || head.dim() != 2) {
      throw new FlambeauException(
          file + " holds no weights of " + entry.name() + ": there is no matrix " + entry.classifier() + ".weight in it");
    }
    Module model = entry.create(Math.toIntExact(head.size(0)));
    try {
      model.loadStateDict(state);
    } catch (IllegalArgumentException e) {
      throw new FlambeauException(file + " does not fit " + entry.name() + ": " + e.getMessage(), e);
    }
    return model;
  }

  private static Path download(Models.Entry entry, PrintWriter err) {
    return entry.defaultWeights().download(telling(entry.defaultWeights().fileName(), err));
  }

  /// Tells of every tenth of the download of `name`.
  static DownloadListener telling(String name, PrintWriter err) {
    long[] shown = {-1};
    return (done, total) -> {
      long tenth = total <= 0 ? 0 : 10 * done / total;
      if (tenth != shown[0]) {
        shown[0] = tenth;
        err.println("downloading " + name + ": " + Quantities.bytes(done) + (total < 0 ? "" : " of " + Quantities.bytes(total)));
        err.flush();
      }
    };
  }

  /// Gives `model` a classifier of its own for `classes` classes, with random weights.
  static void replaceHead(Module model, Models.Entry entry, int classes) {
    Linear old = (Linear) model.submodule(entry.classifier());
    model.replace(entry.classifier(), new Linear(old.inFeatures(), classes));
  }

  /// How many classes a model tells apart.
  static int classes(Module model, Models.Entry entry) {
    return ((Linear) model.submodule(entry.classifier())).outFeatures();
  }
}
