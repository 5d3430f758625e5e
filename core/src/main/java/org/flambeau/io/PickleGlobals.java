package org.flambeau.io;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.internal.text.TypeName;
import org.jspecify.annotations.Nullable;

/// The names that a pickle may mention, and what they stand for here. Nothing in a file runs: a name that is not listed is an error.
final class PickleGlobals {
  /// What a pickle may call or build.
  enum Callable {
    ORDERED_DICT,
    COUNTER,
    SET,
    SIZE,
    DEVICE,
    REBUILD_TENSOR,
    REBUILD_TENSOR_V2,
    REBUILD_PARAMETER,
    REBUILD_PARAMETER_WITH_STATE,
    PARAMETER
  }

  /// `torch.FloatStorage`, or `torch.FloatTensor` of the oldest files.
  record StorageType(DType dtype) {}

  private static final Map<String, Object> ALLOWED = new HashMap<>();
  private static final Map<DType, String> STORAGE_NAMES = new HashMap<>();

  static {
    ALLOWED.put("collections.OrderedDict", Callable.ORDERED_DICT);
    ALLOWED.put("collections.Counter", Callable.COUNTER);
    for (String builtins : new String[] {"builtins", "__builtin__"}) {
      ALLOWED.put(builtins + ".set", Callable.SET);
      ALLOWED.put(builtins + ".frozenset", Callable.SET);
    }
    ALLOWED.put("torch.Size", Callable.SIZE);
    ALLOWED.put("torch.device", Callable.DEVICE);
    ALLOWED.put("torch._utils._rebuild_tensor", Callable.REBUILD_TENSOR);
    ALLOWED.put("torch._utils._rebuild_tensor_v2", Callable.REBUILD_TENSOR_V2);
    ALLOWED.put("torch._utils._rebuild_parameter", Callable.REBUILD_PARAMETER);
    ALLOWED.put("torch._utils._rebuild_parameter_with_state", Callable.REBUILD_PARAMETER_WITH_STATE);
    ALLOWED.put("torch.nn.parameter.Parameter", Callable.PARAMETER);
    for (DType dtype : DType.values()) {
      String name = TypeName.of(dtype);
      STORAGE_NAMES.put(dtype, name + "Storage");
      ALLOWED.put(dtype.toString(), dtype);
      for (String prefix : new String[] {"torch.", "torch.cuda."}) {
        ALLOWED.put(prefix + name + "Storage", new StorageType(dtype));
        ALLOWED.put(prefix + name + "Tensor", new StorageType(dtype));
      }
    }
  }

  private PickleGlobals() {}

  static @Nullable Object find(String module, String name) {
    return ALLOWED.get(module + "." + name);
  }

  /// What PyTorch calls a storage of `dtype`, as in `FloatStorage` of the module `torch`.
  static String storageName(DType dtype) {
    return Objects.requireNonNull(STORAGE_NAMES.get(dtype));
  }
}
