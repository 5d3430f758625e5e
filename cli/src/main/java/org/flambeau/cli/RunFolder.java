package org.flambeau.cli;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.flambeau.FlambeauException;
import org.flambeau.io.AtomicFile;
import org.flambeau.io.Trouble;
import org.jspecify.annotations.Nullable;

/// The folder that a run writes to, alone while it is open.
final class RunFolder implements AutoCloseable {
  private final Path lock;
  private final FileChannel channel;

  private RunFolder(Path lock, FileChannel channel) {
    this.lock = lock;
    this.channel = channel;
  }

  /// Makes the folder where there is none, and clears away what a run that was killed had begun to write.
  ///
  /// @throws MisuseException where another run has it
  static RunFolder open(Path folder) {
    Path lock = folder.resolve(".lock");
    FileChannel channel;
    try {
      Files.createDirectories(folder);
      channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new FlambeauException("--out " + folder + " cannot be written to: " + Trouble.reason(e), e);
    }
    var opened = new RunFolder(lock, channel);
    if (!opened.acquire()) {
      opened.closeChannel();
      throw new MisuseException("another run is writing to " + folder + ": wait for its end, or give another --out");
    }
    AtomicFile.deleteLeftovers(folder);
    return opened;
  }

  /// @return false where another run holds the lock; a file system without locks guards nothing
  private boolean acquire() {
    try {
      @Nullable FileLock acquired = channel.tryLock();
      return acquired != null;
    } catch (OverlappingFileLockException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  private void closeChannel() {
    try {
      channel.close();
    } catch (IOException e) {
      // Nothing was written to it.
    }
  }

  @Override
  public void close() {
    try {
      Files.deleteIfExists(lock);
    } catch (IOException e) {
      // A lock that nobody holds hinders nobody.
    }
    closeChannel();
  }
}
