package org.flambeau.backend.cpu.onednn;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Brings resources to the file system, by the names they shall have there.
final class Unpacking {
  private final TreeMap<String, URL> resources;

  Unpacking(Map<String, URL> resources) {
    this.resources = new TreeMap<>(resources);
  }

  /// The folder within `cache` that holds them, or null where it cannot be written.
  ///
  /// The folder's name tells their content, so that what is there once stays right. Other processes may be at it at the
  /// same time: each writes a folder of its own, and the first one to rename it serves them all.
  @Nullable Path into(Path cache) throws IOException {
    Path folder = cache.resolve("onednn-" + fingerprint());
    if (Files.isDirectory(folder)) {
      return folder;
    }
    Path draft;
    try {
      Files.createDirectories(cache);
      draft = Files.createTempDirectory(cache, "unpacking");
    } catch (IOException e) {
      return null;
    }
    try {
      write(draft);
      Files.move(draft, folder, StandardCopyOption.ATOMIC_MOVE);
      return folder;
    } catch (IOException e) {
      delete(draft);
      return Files.isDirectory(folder) ? folder : null;
    }
  }

  void write(Path folder) throws IOException {
    for (var resource : resources.entrySet()) {
      try (InputStream in = resource.getValue().openStream()) {
        Files.copy(in, folder.resolve(resource.getKey()));
      }
    }
  }

  void delete(Path folder) throws IOException {
    for (String name : resources.keySet()) {
      Files.deleteIfExists(folder.resolve(name));
    }
    Files.deleteIfExists(folder);
  }

  /// What tells one build of the resources from another without reading them through: checksums from the jar, else lengths.
  private String fingerprint() throws IOException {
    StringBuilder all = new StringBuilder();
    for (URL url : resources.values()) {
      URLConnection connection = url.openConnection();
      connection.setUseCaches(false);
      if (connection instanceof JarURLConnection jar) {
        try (var _ = jar.getJarFile()) {
          all.append(Long.toHexString(jar.getJarEntry().getCrc()));
        }
      } else {
        all.append(Long.toHexString(connection.getContentLengthLong()));
      }
    }
    return all.toString();
  }
}
