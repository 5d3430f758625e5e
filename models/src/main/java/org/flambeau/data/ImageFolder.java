package org.flambeau.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.FlambeauException;
import org.flambeau.Generator;
import org.flambeau.Tensor;
import org.flambeau.io.Trouble;
import org.flambeau.vision.Image;
import org.flambeau.vision.Transform;

/// Images in one folder for each class: `root/cat/1.jpg`, `root/dog/more/2.png`.
///
/// The classes are the folders' names in order; the images of a class are all files in and below its folder with one of the
/// [#EXTENSIONS], in order. Files are read when their sample is asked for.
///
/// Errors: a [DataException] where there is no class folder, or one without images; when a sample is read, one that names its file.
///
/// Reference: `torchvision.datasets.ImageFolder`.
public final class ImageFolder extends ImageDataset {
  /// How the names of images end, in small or capital letters.
  public static final List<String> EXTENSIONS = List.of(".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp");

  private final List<String> classes;
  private final List<Path> files;
  private final int[] labels;

  private ImageFolder(List<String> classes, List<Path> files, int[] labels, Transform<Image, Tensor> transform) {
    super(transform);
    this.classes = classes;
    this.files = files;
    this.labels = labels;
  }

  /// The images below `root`, through a transform.
  public static ImageFolder of(Path root, Transform<Image, Tensor> transform) {
    List<String> classes = classesOf(root);
    List<Path> files = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    List<String> empty = new ArrayList<>();
    for (String name : classes) {
      List<Path> images = imagesBelow(root.resolve(name));
      if (images.isEmpty()) {
        empty.add(name);
      }
      for (Path image : images) {
        files.add(image);
        labels.add(classes.indexOf(name));
      }
    }
    if (!empty.isEmpty()) {
      throw new DataException("Found no valid file for the classes " + String.join(", ", empty) + ". Supported extensions are: "
          + String.join(", ", EXTENSIONS));
    }
    return new ImageFolder(classes, List.copyOf(files), labels.stream().mapToInt(Integer::intValue).toArray(), transform);
  }

  private static List<String> classesOf(Path root) {
    try (Stream<Path> entries = Files.list(root)) {
      List<String> classes = entries.filter(Files::isDirectory).map(path -> path.getFileName().toString()).sorted().toList();
      if (classes.isEmpty()) {
        throw new DataException("Couldn't find any class folder in " + root + ".");
      }
      return classes;
    } catch (IOException e) {
      throw new DataException(root, "cannot be read as a folder of class folders: " + Trouble.reason(e), e);
    }
  }

  /// In the order of `sorted(os.walk(folder))`: by folder, then by name.
  private static List<Path> imagesBelow(Path folder) {
    try (Stream<Path> files = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      return files.filter(file -> isImage(file) && !Files.isDirectory(file))
          .sorted(
              Comparator.comparing((Path file) -> String.valueOf(file.getParent())).thenComparing(file -> file.getFileName().toString()))
          .toList();
    } catch (IOException e) {
      throw new DataException(folder, "cannot be read: " + Trouble.with(folder, e), e);
    } catch (UncheckedIOException e) {
      throw new DataException(folder, "cannot be read: " + Trouble.with(folder, e), e);
    }
  }

  private static boolean isImage(Path file) {
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    return EXTENSIONS.stream().anyMatch(name::endsWith);
  }

  @Override
  public long size() {
    return labels.length;
  }

  @Override
  public List<String> classes() {
    return classes;
  }

  /// The file of the image at `index`.
  public Path file(long index) {
    return files.get((int) Objects.checkIndex(index, size()));
  }

  @Override
  public Image image(long index) {
    return Image.read(file(index));
  }

  @Override
  public int label(long index) {
    return labels[(int) Objects.checkIndex(index, size())];
  }

  @Override
  public Sample get(long index, Generator random) {
    Path file = file(index);
    Image image;
    try {
      image = Image.read(file);
    } catch (FlambeauException e) {
      throw new DataException(String.valueOf(e.getMessage()), e);
    }
    try {
      return sample(image, label(index), random);
    } catch (RuntimeException e) {
      throw new DataException(file, e instanceof FlambeauException ? String.valueOf(e.getMessage()) : e.toString(), e);
    }
  }
}
