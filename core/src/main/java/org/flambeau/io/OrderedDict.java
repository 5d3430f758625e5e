package org.flambeau.io;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
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

  /// The version of the module at `path` (`""` is the whole model) when its state was taken, where the file tells.
  public OptionalLong version(String path) {
    return attributes.get(METADATA) instanceof Map<?, ?> modules && modules.get(path) instanceof Map<?, ?> module
        && module.get("version") instanceof Long version ? OptionalLong.of(version) : OptionalLong.empty();
  }

  /// Notes the version of the module at `path`.
  public void setVersion(String path, long version) {
    @SuppressWarnings("unchecked") // nobody else puts anything but an OrderedDict there
    var modules = (Map<Object, Object>) attributes.computeIfAbsent(METADATA, _ -> new OrderedDict());
    modules.put(path, new LinkedHashMap<>(Map.of("version", version)));
  }
}
