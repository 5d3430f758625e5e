package org.flambeau.models;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// Where the files of Fashion-MNIST are: 60,000 and 10,000 images of 28×28 in shades of grey, of ten kinds of clothes.
///
/// ```java
/// var train = IdxDataset.of(FashionMnist.folder((done, total) -> {}), true);
/// ```
///
/// Reference: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017,
/// <https://github.com/zalandoresearch/fashion-mnist>.
public final class FashionMnist {
  private static final Path DEBIAN = Path.of("/usr/share/datasets/fashion-mnist");
  private static final String ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";

  /// Each file's MD5, which is what the data set's page gives.
  private static final Map<String, String> FILES = new LinkedHashMap<>();

  static {
    FILES.put("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d");
    FILES.put("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe");
    FILES.put("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79");
    FILES.put("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310");
  }

  private FashionMnist() {}

  /// The folder with the four files, where one of the usual ones has them: that of Debian's package `dataset-fashion-mnist`, or the cache that
  /// [#folder] downloads to.
  public static Optional<Path> find() {
    return find(DEBIAN, cache());
  }

  static Optional<Path> find(Path... folders) {
    return Stream.of(folders)
        .filter(folder -> FILES.keySet().stream().allMatch(file -> Files.isRegularFile(folder.resolve(file)))).findFirst();
  }

  /// The folder with the four files: found, or downloaded (30 MB) from the data set's address, or what `flambeau.fashionmnist.address` is set to.
  ///
  /// @throws org.flambeau.io.CheckpointException where a file cannot be downloaded; it says what to do then
  public static Path folder(DownloadListener listener) {
    return find().orElseGet(() -> fetch(URI.create(System.getProperty("flambeau.fashionmnist.address", ADDRESS)), cache(), listener));
  }

  /// Downloads to `folder` what is not there yet.
  static Path fetch(URI address, Path folder, DownloadListener listener) {
    FILES.forEach((file, md5) -> {
      Path target = folder.resolve(file);
      if (!Files.exists(target)) {
        new Download(address.resolve(file), target, "MD5", md5).run(listener);
      }
    });
    return folder;
  }

  private static Path cache() {
    return TorchHub.cache().resolve("flambeau").resolve("fashion-mnist");
  }
}
