package org.flambeau.io;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Writes a tree as a pickle of protocol 2, as `torch.save` does; what is mentioned twice is written once.
final class Pickler {
  private static final BigInteger MIN_INT = BigInteger.valueOf(Integer.MIN_VALUE);
  private static final BigInteger MAX_INT = BigInteger.valueOf(Integer.MAX_VALUE);

  private final SavedStorages storages;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final Map<Object, Integer> collections = new IdentityHashMap<>();
  private final Map<String, Integer> strings = new HashMap<>();
  private final Map<String, Integer> globals = new HashMap<>();

  private Pickler(SavedStorages storages) {
    this.storages = storages;
  }

  /// @throws IllegalArgumentException where the tree holds what a checkpoint cannot
  static byte[] write(@Nullable Object tree, SavedStorages storages) {
    var pickler = new Pickler(storages);
    pickler.op(Opcode.PROTO).op(2);
    pickler.object(tree);
    pickler.op(Opcode.STOP);
    return pickler.out.toByteArray();
  }

  private void object(@Nullable Object object) {
    switch (object) {
      case null -> op(Opcode.NONE);
      case Boolean value -> bool(value);
      case Long _,Integer _,Short _,Byte _ -> integer(BigInteger.valueOf(((Number) object).longValue()));
      case BigInteger value -> integer(value);
      case Double _,Float _ -> float64(((Number) object).doubleValue());
      case String value -> string(value);
      case DType dtype -> global("torch", dtype.label());
      case Tensor tensor -> once(tensor, () -> tensor(tensor));
      case OrderedDict map -> once(map, () -> orderedDict(map));
      case Map<?, ?> map -> once(map, () -> dict(map));
      case Tuple tuple -> once(tuple, () -> tuple(tuple));
      case List<?> list -> once(list, () -> list(list));
      case Set<?> set -> once(set, () -> set(set));
      default ->
        throw new IllegalArgumentException("[save] expected tensors, maps, lists, sets, numbers, booleans, strings and null, got a "
            + object.getClass().getName());
    }
  }

  // ---- the memo ----

  private int memoSize() {
    return collections.size() + strings.size() + globals.size();
  }

  /// Writes `object`, or refers to it where it was written before. `write` ends with the object on the stack, and calls [#remember]
  /// as soon as it is there.
  private void once(Object object, Runnable write) {
    Integer known = collections.get(object);
    if (known == null) {
      write.run();
    } else {
      get(known);
    }
  }

  private void remember(Object object) {
    put(memoSize());
    collections.put(object, memoSize());
  }

  private void put(int number) {
    if (number < 256) {
      op(Opcode.BINPUT).op(number);
    } else {
      op(Opcode.LONG_BINPUT).int32(number);
    }
  }

  private void get(int number) {
    if (number < 256) {
      op(Opcode.BINGET).op(number);
    } else {
      op(Opcode.LONG_BINGET).int32(number);
    }
  }

  private void global(String module, String name) {
    String line = module + "\n" + name + "\n";
    Integer known = globals.get(line);
    if (known != null) {
      get(known);
      return;
    }
    op(Opcode.GLOBAL);
    out.writeBytes(line.getBytes(StandardCharsets.US_ASCII));
    put(memoSize());
    globals.put(line, memoSize());
  }

  // ---- collections ----

  private void orderedDict(OrderedDict map) {
    emptyOrderedDict();
    remember(map);
    items(map);
    if (!map.attributes().isEmpty()) {
      op(Opcode.EMPTY_DICT);
      items(map.attributes());
      op(Opcode.BUILD);
    }
  }

  private void emptyOrderedDict() {
    global("collections", "OrderedDict");
    op(Opcode.EMPTY_TUPLE).op(Opcode.REDUCE);
  }

  private void dict(Map<?, ?> map) {
    op(Opcode.EMPTY_DICT);
    remember(map);
    items(map);
  }

  private void items(Map<?, ?> map) {
    if (map.isEmpty()) {
      return;
    }
    op(Opcode.MARK);
    map.forEach((key, value) -> {
      key(key);
      object(value);
    });
    op(Opcode.SETITEMS);
  }

  private void key(@Nullable Object key) {
    if (!(key instanceof String || key instanceof Number || key instanceof Boolean)) {
      throw new IllegalArgumentException("[save] expected a string or a number as a key, got " + (key == null ? "null"
          : "a " + key.getClass().getName()));
    }
    object(key);
  }

  private void list(List<?> list) {
    op(Opcode.EMPTY_LIST);
    remember(list);
    if (!list.isEmpty()) {
      op(Opcode.MARK);
      list.forEach(this::object);
      op(Opcode.APPENDS);
    }
  }

  private void tuple(Tuple tuple) {
    if (tuple.isEmpty()) {
      op(Opcode.EMPTY_TUPLE);
      return;
    }
    op(Opcode.MARK);
    tuple.forEach(this::object);
    op(Opcode.TUPLE);
    remember(tuple);
  }

  private void set(Set<?> set) {
    global("__builtin__", "set");
    op(Opcode.MARK).op(Opcode.EMPTY_LIST).op(Opcode.MARK);
    set.forEach(this::key);
    op(Opcode.APPENDS).op(Opcode.TUPLE).op(Opcode.REDUCE);
    remember(set);
  }

  // ---- tensors ----

  private void tensor(Tensor tensor) {
    Strided data = tensor.strided();
    SavedStorages.Part part = storages.of(tensor);
    global("torch._utils", "_rebuild_tensor_v2");
    op(Opcode.MARK);
    op(Opcode.MARK);
    string("storage");
    global("torch", PickleGlobals.storageName(part.dtype()));
    string(part.key());
    string("cpu");
    integer(BigInteger.valueOf(part.numel()));
    op(Opcode.TUPLE).op(Opcode.BINPERSID);
    integer(BigInteger.valueOf(part.offset(data)));
    numbers(data.sizes());
    numbers(data.strides());
    bool(tensor.requiresGrad());
    emptyOrderedDict();
    op(Opcode.TUPLE).op(Opcode.REDUCE);
    remember(tensor);
  }

  private void numbers(long[] numbers) {
    op(Opcode.MARK);
    for (long number : numbers) {
      integer(BigInteger.valueOf(number));
    }
    op(Opcode.TUPLE);
  }

  // ---- numbers and strings ----

  private void bool(boolean value) {
    op(value ? Opcode.NEWTRUE : Opcode.NEWFALSE);
  }

  private void integer(BigInteger value) {
    if (value.signum() >= 0 && value.bitLength() <= 8) {
      op(Opcode.BININT1).op(value.intValue());
    } else if (value.compareTo(MIN_INT) >= 0 && value.compareTo(MAX_INT) <= 0) {
      op(Opcode.BININT).int32(value.intValue());
    } else {
      byte[] bigEndian = value.toByteArray();
      if (bigEndian.length > 255) {
        throw new IllegalArgumentException("[save] expected integers of at most 255 bytes, got one of " + bigEndian.length);
      }
      op(Opcode.LONG1).op(bigEndian.length);
      for (int i = bigEndian.length - 1; i >= 0; i--) {
        op(bigEndian[i]);
      }
    }
  }

  private void float64(double value) {
    op(Opcode.BINFLOAT);
    out.writeBytes(ByteBuffer.allocate(Double.BYTES).putDouble(value).array());
  }

  private void string(String value) {
    Integer known = strings.get(value);
    if (known != null) {
      get(known);
      return;
    }
    byte[] utf8;
    try {
      ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value));
      utf8 = new byte[encoded.remaining()];
      encoded.get(utf8);
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("[save] expected Unicode strings, got half of a surrogate pair in \"" + value + "\"", e);
    }
    op(Opcode.BINUNICODE).int32(utf8.length);
    out.writeBytes(utf8);
    put(memoSize());
    strings.put(value, memoSize());
  }

  private Pickler op(int value) {
    out.write(value);
    return this;
  }

  private void int32(int value) {
    out.writeBytes(ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }
}
