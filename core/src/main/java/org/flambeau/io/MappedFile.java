package org.flambeau.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A whole file in memory, for as long as a part of it can be reached.
///
/// @param writable whether the bytes may be written to: they are the process's own, so that the file itself never changes
record MappedFile(Path file, MemorySegment bytes, boolean writable) {
  static MappedFile open(Path file) {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new CheckpointException(file, "expected a file, got " + (Files.isDirectory(file) ? "a folder" : "a device or a pipe"));
    }
    try {
      return map(file);
    } catch (NoSuchFileException e) {
      throw new CheckpointException(file, "no such file", e);
    } catch (IOException e) {
      throw new CheckpointException(file, "could not be read: " + Trouble.reason(e), e);
    }
  }

  /// Java maps privately only what it may open for writing.
  private static MappedFile map(Path file) throws IOException {
    try (var channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      return new MappedFile(file, channel.map(MapMode.PRIVATE, 0, channel.size(), Arena.ofAuto()), true);
    } catch (NoSuchFileException e) {
      throw e;
    } catch (FileSystemException notWritable) {
      try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
        return new MappedFile(file, channel.map(MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto()), false);
      }
    }
  }

  long size() {
    return bytes.byteSize();
  }

  /// The bytes `[begin, begin + length)`, which `what` names where the file has them not.
  MemorySegment slice(long begin, long length, String what) {
    if (begin < 0 || length < 0 || begin > size() - length) {
      throw error("expected " + Long.toUnsignedString(length) + " bytes for " + what + " at " + Long.toUnsignedString(begin)
          + ", got a file that ends at " + size());
    }
    return bytes.asSlice(begin, length);
  }

  CheckpointException error(String problem) {
    return new CheckpointException(file, problem);
  }
}
