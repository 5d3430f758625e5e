package org.flambeau.models;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.flambeau.io.CheckpointException;
import org.flambeau.io.Trouble;

/// Fetches a file. What has arrived stays beside it under a name that ends in `.part`, from which the next attempt goes on; the file itself
/// appears when it is complete and its digest begins as it should.
///
/// @param address where it is
/// @param target where it goes
/// @param algorithm of its digest, as in `SHA-256`
/// @param hashPrefix how its digest begins, in hexadecimal digits
record Download(URI address, Path target, String algorithm, String hashPrefix) {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int ATTEMPTS = 3;
  private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d+)-\\d+/(\\d+|\\*)");

  /// What went wrong in a way that another attempt may mend.
  private static final class BrokenOffException extends IOException {
    private static final long serialVersionUID = 1;

    BrokenOffException(String message) {
      super(message);
    }
  }

  Path run(DownloadListener listener) {
    Path part = target.resolveSibling(target.getFileName() + ".part");
    try {
      Files.createDirectories(target.toAbsolutePath().getParent());
      try (var channel = FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
          FileLock _ = lock(channel)) {
        if (Files.exists(target)) {
          return target;
        }
        try {
          fill(channel, listener);
        } finally {
          if (channel.size() == 0) {
            Files.deleteIfExists(part);
          }
        }
        channel.force(true);
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
      }
      return target;
    } catch (IOException e) {
      throw new CheckpointException(target, "could not be downloaded from " + address + ": " + Trouble.reason(e)
          + ". Where there is no network, fetch that address elsewhere and put the file at this path, or load any copy of it by its own path",
          e);
    }
  }

  private FileLock lock(FileChannel part) throws IOException {
    try {
      FileLock lock = part.tryLock();
      if (lock != null) {
        return lock;
      }
    } catch (OverlappingFileLockException e) {
      // somebody in this process: as if it were another
    }
    throw new CheckpointException(target, "is being downloaded by somebody else right now; wait until that is done");
  }

  /// Makes the part whole and right. One that an earlier attempt left can be of another file: then it starts anew, once.
  private void fill(FileChannel part, DownloadListener listener) throws IOException {
    boolean resumed = part.size() > 0;
    transfer(part, listener);
    String hash = hash(part);
    if (!hash.startsWith(hashPrefix) && resumed) {
      part.truncate(0);
      transfer(part, listener);
      hash = hash(part);
    }
    if (!hash.startsWith(hashPrefix)) {
      long size = part.size();
      part.truncate(0);
      throw new IOException(
          "expected a file whose " + algorithm + " begins with " + hashPrefix + ", got " + size + " bytes whose " + algorithm + " is "
              + hash);
    }
  }

  private void transfer(FileChannel part, DownloadListener listener) throws IOException {
    try (var client = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).connectTimeout(PATIENCE).build()) {
      for (int attempt = 1;; attempt++) {
        try {
          transfer(client, part, listener);
          return;
        } catch (BrokenOffException e) {
          if (attempt == ATTEMPTS) {
            throw e;
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("it was interrupted", e);
    }
  }

  private void transfer(HttpClient client, FileChannel part, DownloadListener listener) throws IOException, InterruptedException {
    long present = part.size();
    var request = HttpRequest.newBuilder(address).timeout(PATIENCE);
    if (present > 0) {
      request.header("Range", "bytes=" + present + "-");
    }
    HttpResponse<InputStream> response = client.send(request.build(), BodyHandlers.ofInputStream());
    try (InputStream body = response.body()) {
      switch (response.statusCode()) {
        case 200 -> {
          part.truncate(0);
          receive(body, part, response.headers().firstValueAsLong("Content-Length").orElse(-1), listener);
        }
        case 206 -> receive(body, part, totalAfter(response, present), listener);
        case 416 -> listener.progress(present, present); // there is nothing after what is here: the hash will tell whether that is all
        default -> throw new IOException("the server answered with status " + response.statusCode());
      }
    }
  }

  private static long totalAfter(HttpResponse<?> response, long present) throws IOException {
    String range = response.headers().firstValue("Content-Range").orElse("");
    Matcher matcher = CONTENT_RANGE.matcher(range);
    if (!matcher.matches() || Long.parseLong(matcher.group(1)) != present) {
      throw new IOException("expected the bytes from " + present + " on, the server sent \"" + range + "\"");
    }
    return matcher.group(2).equals("*") ? -1 : Long.parseLong(matcher.group(2));
  }

  private static void receive(InputStream body, FileChannel part, long total, DownloadListener listener) throws IOException {
    part.position(part.size());
    listener.progress(part.position(), total);
    byte[] buffer = new byte[1 << 16];
    while (true) {
      int read;
      try {
        read = body.read(buffer);
      } catch (IOException e) {
        throw brokenOff(part, total);
      }
      if (read < 0) {
        break;
      }
      ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, read);
      while (bytes.hasRemaining()) {
        part.write(bytes);
      }
      listener.progress(part.position(), total);
    }
    if (part.position() < total) {
      throw brokenOff(part, total);
    }
  }

  private static BrokenOffException brokenOff(FileChannel part, long total) throws IOException {
    return new BrokenOffException("the connection broke off after " + part.size() + (total < 0 ? "" : " of " + total)
        + " bytes; another attempt goes on from there");
  }

  private String hash(FileChannel part) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance(algorithm);
      ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
      part.position(0);
      while (part.read(buffer.clear()) >= 0) {
        digest.update(buffer.flip());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has " + algorithm, e);
    }
  }
}
