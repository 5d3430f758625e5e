package org.flambeau.backend.cpu.onednn;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.flambeau.BackendException;
import org.flambeau.io.Trouble;

/// Finds oneDNN and the OpenMP runtime it was built with, and opens them.
///
/// Looked for in this order: the folder named by the property `flambeau.onednn.path`; the resources beside our classes or elsewhere
/// on the class path. Those in a jar are unpacked once, into a folder of the user's cache named by their content; where
/// that cannot be written, into a temporary folder that is gone again as soon as the libraries are open.
final class OneDnnLibrary {
  private static final String RESOURCES = "org/bytedeco/dnnl/linux-x86_64/";
  private static final String OPENMP = "libgomp.so.1";
  private static final String ONEDNN = "libdnnl.so.3";

  private OneDnnLibrary() {}

  /// Opens the libraries for teams of `threads` threads.
  ///
  /// @throws BackendException where that is impossible; it says why
  static SymbolLookup open(int threads) {
    String platform = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    if (!platform.toLowerCase(Locale.ROOT).equals("linux amd64")) {
      throw new BackendException("oneDNN comes for Linux on x86-64, this is " + platform);
    }
    String folder = System.getProperty("flambeau.onednn.path");
    if (folder != null) {
      return open(Path.of(folder), threads);
    }
    URL onednn = resource(ONEDNN);
    if (onednn.getProtocol().equals("file")) {
      return open(Path.of(URI.create(onednn.toString())).resolveSibling(""), threads);
    }
    try {
      var unpacking = new Unpacking(Map.of(OPENMP, resource(OPENMP), ONEDNN, onednn));
      Path cached = unpacking.into(userCache());
      if (cached != null) {
        return open(cached, threads);
      }
      Path temporary = Files.createTempDirectory("flambeau-onednn");
      try {
        unpacking.write(temporary);
        return open(temporary, threads);
      } finally {
        unpacking.delete(temporary);
      }
    } catch (IOException e) {
      throw new BackendException("oneDNN cannot be unpacked: " + Trouble.reason(e), e);
    }
  }

  private static SymbolLookup open(Path folder, int threads) {
    try (var _ = new OpenMpSettings(threads)) {
      open(folder.resolve(OPENMP));
    }
    return open(folder.resolve(ONEDNN));
  }

  private static SymbolLookup open(Path library) {
    try {
      return SymbolLookup.libraryLookup(library.toAbsolutePath(), Arena.global());
    } catch (IllegalArgumentException e) {
      throw new BackendException(
          library + " cannot be opened" + (Files.exists(library) ? ": " + e.getMessage() : ", there is no such file"), e);
    }
  }

  private static URL resource(String name) {
    URL url = OneDnnLibrary.class.getResource("/" + RESOURCES + name);
    if (url == null) {
      url = ClassLoader.getSystemResource(RESOURCES + name);
    }
    if (url == null) {
      throw new BackendException(RESOURCES + name + " is not among the resources, and flambeau.onednn.path names no folder");
    }
    return url;
  }

  private static Path userCache() {
    String root = System.getenv("XDG_CACHE_HOME");
    return (root != null && !root.isEmpty() ? Path.of(root) : Path.of(System.getProperty("user.home"), ".cache")).resolve("flambeau");
  }
}
