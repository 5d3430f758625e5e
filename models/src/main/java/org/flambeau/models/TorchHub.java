package org.flambeau.models;

import java.nio.file.Path;

/// Where torch hub keeps files.
final class TorchHub {
  private TorchHub() {}

  static Path checkpoints() {
    return home().resolve("hub").resolve("checkpoints");
  }

  private static Path home() {
    String home = System.getProperty("flambeau.torch.home", System.getenv("TORCH_HOME"));
    if (home != null && !home.isEmpty()) {
      return Path.of(home);
    }
    return cache().resolve("torch");
  }

  /// Where programs of this user keep what they can get again.
  static Path cache() {
    String cache = System.getenv("XDG_CACHE_HOME");
    return cache == null || cache.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
  }
}
