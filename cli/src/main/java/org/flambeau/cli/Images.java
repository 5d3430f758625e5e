package org.flambeau.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.flambeau.data.Dataset;
import org.flambeau.data.ImageDataset;
import org.flambeau.data.ImageFolder;
import org.jspecify.annotations.Nullable;

/// The images of a training run.
///
/// @param layout how they lie in their folder, for people
/// @param training to learn from
/// @param validation to evaluate on
/// @param classes the names of the classes
/// @param preprocessing what is done to them before the model
record Images(String layout, Selection training, @Nullable Dataset validation, List<String> classes, Preprocessing preprocessing) {
  /// Finds and chooses the images that the options tell of.
  ///
  /// @throws MisuseException where the options do not fit them
  /// @throws org.flambeau.data.DataException where they cannot be read
  static Images open(FinetuneOptions options) {
    FinetuneOptions.Data data = options.data;
    Preprocessing preprocessing = Preprocessing.of(options.imageSize(), data.augmentation);
    ImageSource source = ImageSource.of(Objects.requireNonNull(data.folder));
    ImageDataset all = source.training(preprocessing.training(data.augmentation));
    List<Integer> classes = ClassNames.parse(data.classes, all.classes());
    Selection shuffled = Selection.shuffled(all, classes, options.learning.seed, data.skipSamples);

    ImageDataset others = data.validation != null
        ? ImageFolder.of(data.validation, preprocessing.evaluation())
        : source.validation(preprocessing.evaluation());
    Selection training = shuffled, validation;
    if (others != null) {
      requireSameClasses(all, others, data.validation != null ? data.validation : source.folder());
      validation = Selection.all(others, classes);
    } else {
      long apart = Math.max(1, Math.round(options.validationFraction() * shuffled.size()));
      training = shuffled.skip(apart);
      validation = shuffled.first(apart).of(source.training(preprocessing.evaluation()));
    }
    if (data.perClass != null) {
      training = training.perClass(data.perClass);
    } else if (data.trainSamples != null) {
      if (data.trainSamples > training.size()) {
        throw new MisuseException("--train-samples asks for " + Quantities.count(data.trainSamples) + " images, there are "
            + Quantities.count(training.size()));
      }
      training = training.first(data.trainSamples);
    }
    String missing = training.missingClass();
    if (missing != null) {
      throw new MisuseException("no image of class " + missing + " is left to learn from: take more images, or leave it out by --classes");
    }
    if (data.validationSamples != null) {
      validation = validation.first(data.validationSamples);
    }
    return new Images(source.layout().label, training, validation.size() == 0 ? null : validation, training.classNames(), preprocessing);
  }

  private static void requireSameClasses(ImageDataset training, ImageDataset validation, Path where) {
    if (!training.classes().equals(validation.classes())) {
      throw new MisuseException(
          "the images to evaluate on in " + where + " have the classes " + validation.classes() + ", those to learn from "
              + training.classes());
    }
  }

  String describe() {
    Dataset others = validation;
    return layout + ": learning from " + Quantities.count(training.size()) + " images of " + classes.size() + " classes, "
        + (others == null ? "evaluating on none" : "evaluating on " + Quantities.count(others.size()));
  }
}
