package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// All that processes said, in one file, since not many files come back from every machine.
final class Logs {
  private Logs() {}

  /// Packs what has something to say; at every moment there is a whole archive, the one before or the new one.
  static synchronized void pack(Path folder, Path archive) throws IOException {
    List<Path> logs;
    try (Stream<Path> files = Files.list(folder)) {
      logs = files.filter(file -> file.toFile().length() > 0).sorted().toList();
    }
    if (logs.isEmpty()) {
      return;
    }
    Path next = archive.resolveSibling(archive.getFileName() + ".next");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(next))) {
      for (Path log : logs) {
        zip.putNextEntry(new ZipEntry(String.valueOf(log.getFileName())));
        Files.copy(log, zip);
        zip.closeEntry();
      }
    }
    Files.move(next, archive, StandardCopyOption.ATOMIC_MOVE);
  }

  /// Packs for the last time.
  static synchronized void move(Path folder, Path archive) throws IOException {
    pack(folder, archive);
    try (Stream<Path> files = Files.list(folder)) {
      for (Path log : files.toList()) {
        Files.deleteIfExists(log);
      }
    }
    Files.deleteIfExists(folder);
  }
}
