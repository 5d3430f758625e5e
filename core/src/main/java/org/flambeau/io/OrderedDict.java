package org.flambeau.io;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Python's `OrderedDict` in a `.pth` file, which `state_dict()` returns: a map that also carries attributes.
///
/// The one that matters is `_metadata`, a map from each module's path to a map that holds its `version`.
public final class OrderedDict extends LinkedHashMap<Object, @Nullable Object> {
  private static final long serialVersionUID = 1;
  private static final String METADATA = "_metadata";

  private final transient Map<String, @Nullable Object> attributes = new LinkedHashMap<>();

  /// What Python calls the instance's `__dict__`; empty unless something was set.
  public Map<String, @Nullable Object> attributes() {
    return attributes;
  }

  /// The version of each module when its state was taken, by the module's path, where the file tells.
  public Map<String, Long> versions() {
    var versions = new LinkedHashMap<String, Long>();
    if (attributes.get(METADATA) instanceof Map<?, ?> modules) {
      modules.forEach((path, module) -> {
        if (path instanceof String name && module instanceof Map<?, ?> metadata && metadata.get("version") instanceof Long version) {
          versions.put(name, version);
        }
      });
    }
    return versions;
  }

  /// Notes the version of the module at `path`.
  public void setVersion(String path, long version) {
    @SuppressWarnings("unchecked") // nobody else puts anything but an OrderedDict there
    var modules = (Map<Object, Object>) attributes.computeIfAbsent(METADATA, _ -> new OrderedDict());
    modules.put(path, new LinkedHashMap<>(Map.of("version", version)));
  }
}
