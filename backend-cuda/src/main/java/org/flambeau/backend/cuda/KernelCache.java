package org.flambeau.backend.cuda;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Compiled kernels on disk, one file each, found by all that went into them. Several processes may share a folder. Where it cannot be
/// written, kernels are compiled anew in each process.
final class KernelCache {
  /// Names the folder; `off` keeps nothing on disk.
  static final String PROPERTY = "flambeau.cuda.kernelCache";

  private static final Logger LOG = LoggerFactory.getLogger(KernelCache.class);
  private static final byte[] MAGIC = "flambeau kernel 1\n".getBytes(StandardCharsets.US_ASCII);

  private final @Nullable Path folder;
  /// One complaint is enough.
  private final AtomicBoolean complained = new AtomicBoolean();

  /// @param symbol the kernel's name in the image
  /// @param image a cubin, or PTX
  record Entry(String symbol, byte[] image) {}

  KernelCache(@Nullable Path folder) {
    this.folder = folder;
  }

  static KernelCache ofUser() {
    String named = System.getProperty(PROPERTY, "");
    if (named.equals("off")) {
      return new KernelCache(null);
    }
    if (!named.isEmpty()) {
      return new KernelCache(Path.of(named));
    }
    String caches = System.getenv("XDG_CACHE_HOME");
    Path base = caches == null || caches.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(caches);
    return new KernelCache(base.resolve("flambeau").resolve("kernels"));
  }

  static String key(String source, Map<String, String> headers, String instance, List<String> options, int compiler) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (Object part : List.of(source, headers, instance, options, compiler)) {
        digest.update(part.toString().getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
      }
      return HexFormat.of().formatHex(digest.digest(), 0, 20);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  /// What was kept under a key, else what `compile` makes.
  Entry get(String key, Supplier<Entry> compile) {
    if (folder == null) {
      return compile.get();
    }
    Path file = folder.resolve(key);
    Entry kept = read(file);
    if (kept != null) {
      return kept;
    }
    Entry made = compile.get();
    write(file, made);
    return made;
  }

  /// Null where there is no whole entry.
  private static @Nullable Entry read(Path file) {
    try {
      ByteBuffer data = ByteBuffer.wrap(Files.readAllBytes(file));
      byte[] magic = new byte[MAGIC.length];
      data.get(magic);
      byte[] symbol = new byte[data.getInt()];
      data.get(symbol);
      byte[] image = new byte[data.getInt()];
      data.get(image);
      return Arrays.equals(magic, MAGIC) && !data.hasRemaining() ? new Entry(new String(symbol, StandardCharsets.UTF_8), image) : null;
    } catch (IOException | RuntimeException e) {
      return null; // absent or cut short: it is compiled again
    }
  }

  /// Others see the whole file or none.
  private void write(Path file, Entry entry) {
    byte[] symbol = entry.symbol().getBytes(StandardCharsets.UTF_8);
    ByteBuffer data = ByteBuffer.allocate(MAGIC.length + 2 * Integer.BYTES + symbol.length + entry.image().length);
    data.put(MAGIC).putInt(symbol.length).put(symbol).putInt(entry.image().length).put(entry.image());
    try {
      Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
      Path part = Files.createTempFile(folder, "kernel", ".part");
      try {
        Files.write(part, data.array());
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (IOException e) {
      if (!complained.getAndSet(true)) {
        LOG.warn("Compiled kernels cannot be kept, as {}, so that the next process compiles them again: {}. -D{} names another folder.",
            file,
            e.toString(), PROPERTY);
      }
    }
  }
}
