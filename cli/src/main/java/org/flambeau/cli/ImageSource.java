package org.flambeau.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.flambeau.Tensor;
import org.flambeau.data.CifarDataset;
import org.flambeau.data.IdxDataset;
import org.flambeau.data.ImageDataset;
import org.flambeau.data.ImageFolder;
import org.flambeau.vision.Image;
import org.flambeau.vision.Transform;
import org.jspecify.annotations.Nullable;

/// A folder that holds images and their classes, in whichever of the known ways.
///
/// @param folder which one
/// @param layout how they lie in it
record ImageSource(Path folder, Layout layout) {
  /// How images lie in a folder.
  enum Layout {
    IDX("IDX files"),
    CIFAR10("CIFAR-10"),
    CIFAR100("CIFAR-100"),
    SPLIT_FOLDERS("class folders, for training and validation"),
    CLASS_FOLDERS("class folders");

    final String label;

    Layout(String label) {
      this.label = label;
    }
  }

  private static final String TRAINING = "train";
  private static final List<String> VALIDATION = List.of("val", "valid", "validation", "test");

  /// Looks how the images lie.
  ///
  /// @throws MisuseException where there are none that it knows
  static ImageSource of(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new MisuseException(folder + " is not a folder" + (Files.exists(folder) ? "" : ": there is nothing of that name"));
    }
    return new ImageSource(folder, layout(folder));
  }

  private static Layout layout(Path folder) {
    if (has(folder, "train-images-idx3-ubyte") || has(folder, "train-images-idx3-ubyte.gz")) {
      return Layout.IDX;
    }
    if (has(folder, "data_batch_1.bin")) {
      return Layout.CIFAR10;
    }
    if (has(folder, "train.bin")) {
      return Layout.CIFAR100;
    }
    if (Files.isDirectory(folder.resolve(TRAINING)) && validationFolder(folder) != null) {
      return Layout.SPLIT_FOLDERS;
    }
    try (Stream<Path> entries = Files.list(folder)) {
      if (entries.anyMatch(Files::isDirectory)) {
        return Layout.CLASS_FOLDERS;
      }
    } catch (IOException e) {
      throw new MisuseException(folder + " cannot be read: " + e.getMessage());
    }
    throw new MisuseException(
        "found no images in " + folder + ": expected a folder for each class, or train and val with one for each class, "
            + "or the files of MNIST (train-images-idx3-ubyte, .gz too) or CIFAR (data_batch_1.bin, train.bin)");
  }

  private static boolean has(Path folder, String name) {
    return Files.isRegularFile(folder.resolve(name));
  }

  private static @Nullable Path validationFolder(Path folder) {
    return VALIDATION.stream().map(folder::resolve).filter(Files::isDirectory).findFirst().orElse(null);
  }

  /// The images to learn from.
  ImageDataset training(Transform<Image, Tensor> transform) {
    return switch (layout) {
      case IDX -> IdxDataset.of(folder, true, transform);
      case CIFAR10 -> CifarDataset.cifar10(folder, true, transform);
      case CIFAR100 -> CifarDataset.cifar100(folder, true, transform);
      case SPLIT_FOLDERS -> ImageFolder.of(folder.resolve(TRAINING), transform);
      case CLASS_FOLDERS -> ImageFolder.of(folder, transform);
    };
  }

  /// The images that are set apart for evaluation, or null.
  @Nullable ImageDataset validation(Transform<Image, Tensor> transform) {
    Path validation = validationFolder(folder);
    return switch (layout) {
      case IDX ->
        has(folder, "t10k-images-idx3-ubyte") || has(folder, "t10k-images-idx3-ubyte.gz") ? IdxDataset.of(folder, false, transform) : null;
      case CIFAR10 -> has(folder, "test_batch.bin") ? CifarDataset.cifar10(folder, false, transform) : null;
      case CIFAR100 -> has(folder, "test.bin") ? CifarDataset.cifar100(folder, false, transform) : null;
      case SPLIT_FOLDERS -> validation == null ? null : ImageFolder.of(validation, transform);
      case CLASS_FOLDERS -> null;
    };
  }
}
