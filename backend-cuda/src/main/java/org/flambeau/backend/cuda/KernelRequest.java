package org.flambeau.backend.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Base64;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// An instance of a template that somebody asked for, as a line of text.
///
/// @param generated what follows on the source, mostly nothing
record KernelRequest(String source, String generated, String instance) {
  /// Names a file that takes a line for each instance that is asked for, at its first time in a process.
  static final String LIST = "flambeau.cuda.kernelList";

  private static final Logger LOG = LoggerFactory.getLogger(KernelRequest.class);

  static KernelRequest of(String line) {
    String[] words = line.split("\t", 3);
    String generated = words.length < 3 ? "" : new String(Base64.getDecoder().decode(words[2]), StandardCharsets.UTF_8);
    return new KernelRequest(words[0], generated, words[1]);
  }

  String line() {
    String encoded = Base64.getEncoder().encodeToString(generated.getBytes(StandardCharsets.UTF_8));
    return source + "\t" + instance + (generated.isEmpty() ? "" : "\t" + encoded);
  }

  /// Writes it down where that was asked for.
  void note() {
    String file = System.getProperty(LIST);
    if (file == null) {
      return;
    }
    try {
      Files.writeString(Path.of(file), line() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      LOG.warn("What kernels are asked for cannot be written to {}: {}", file, e.toString());
    }
  }

  /// For messages.
  @Override
  public String toString() {
    return source + ": " + instance;
  }
}
