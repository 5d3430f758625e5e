package org.flambeau.io;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Replaces a file as a whole: whoever opens it, even after a crash, sees the old content or the new, never a part.
public final class AtomicFile {
  /// Writes the content of a file, from its beginning.
  @FunctionalInterface
  public interface Content {
    void writeTo(FileChannel channel) throws IOException;
  }

  private static final Pattern TEMPORARY = Pattern.compile("\\..*\\.[0-9a-f]{16}\\.tmp");

  private AtomicFile() {}

  /// Writes beside `file`, forces the bytes to the disk, then renames. Where anything fails, `file` stays as it was.
  ///
  /// @throws CheckpointException where the folder does not exist, the disk is full, and the like
  public static void write(Path file, Content content) {
    Path target = file.toAbsolutePath();
    Path temporary = target.resolveSibling("." + target.getFileName() + "." + HexFormat.of().toHexDigits(
        ThreadLocalRandom.current().nextLong()) + ".tmp");
    try {
      try (var channel = FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
        content.writeTo(channel);
        channel.force(true);
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      forceFolder(target);
    } catch (IOException e) {
      throw new CheckpointException(file, "could not be written: " + Trouble.reason(e), e);
    } finally {
      deleteLeftover(temporary);
    }
  }

  /// Deletes what a process left in `folder` that was killed while it wrote. Nobody may be writing there.
  public static void deleteLeftovers(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      files.filter(file -> TEMPORARY.matcher(String.valueOf(file.getFileName())).matches()).forEach(AtomicFile::deleteLeftover);
    } catch (IOException e) {
      throw new CheckpointException(folder, "could not be read: " + Trouble.with(folder, e), e);
    }
  }

  /// Makes the new name itself survive a crash. Systems that cannot open a folder do without.
  private static void forceFolder(Path target) {
    try (var folder = FileChannel.open(target.getParent(), StandardOpenOption.READ)) {
      folder.force(true);
    } catch (IOException e) {
      // The file is complete and in place; only when the name reaches the disk is left to the system.
    }
  }

  private static void deleteLeftover(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      // What kept the file from being written has been reported; a leftover beside it does no harm.
    }
  }
}
