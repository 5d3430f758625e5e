package org.flambeau.io;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.flambeau.io.PickleGlobals.Callable;
import org.flambeau.io.PickleGlobals.StorageType;
import org.jspecify.annotations.Nullable;

/// Reads Python pickles of protocols 2 to 5 that hold tensors, collections, numbers and strings, and refuses all others.
///
/// A pickle is a program for a machine with a stack. This machine knows the instructions that make data, and the few callables of
/// [PickleGlobals], which it carries out itself. It takes time in proportion to the pickle, and memory within [#MAX_OBJECTS] and
/// [#MAX_INSTRUCTIONS]: there is no recursion, keys are numbers and short strings (others can take exponential time to hash), and whatever
/// copies is charged for it.
///
/// Reference: the comments of CPython's `pickletools.py`.
final class Unpickler {
  /// What a pickle may still hold that is no attack: collections, strings, objects it remembers, entries of collections that are made of others.
  static final int MAX_OBJECTS = 1 << 22;

  /// More than a file of [#MAX_OBJECTS] needs; each adds a few tens of bytes at most, but for what is charged as an object.
  static final int MAX_INSTRUCTIONS = 1 << 24;

  private static final int MAX_KEY = 4096;
  private static final int MAX_NAME = 1024;
  private static final int MAX_INTEGER_BYTES = 1024;

  /// What a persistent id, which stands for something outside the pickle, is to be replaced with.
  @FunctionalInterface
  interface Persistent {
    Object load(@Nullable Object id);
  }

  private final MappedFile source;
  private final ByteCursor in;
  private final Persistent persistent;
  private final List<@Nullable Object> stack = new ArrayList<>();
  private final List<Integer> marks = new ArrayList<>();
  private final Map<Integer, @Nullable Object> memo = new HashMap<>();
  private long objects;

  Unpickler(MappedFile source, ByteCursor in, Persistent persistent) {
    this.source = source;
    this.in = in;
    this.persistent = persistent;
  }

  /// Reads one pickle that holds nothing from outside it.
  static @Nullable Object load(MappedFile source, ByteCursor in) {
    return new Unpickler(source, in, _ -> {
      throw source.error("expected no tensors in this part of the file, got one");
    }).load();
  }

  /// Reads one pickle; the cursor stands behind it afterwards. Tensors are [StoredTensor]s.
  @Nullable Object load() {
    if (in.uint8() != Opcode.PROTO) {
      throw in.error("expected a pickle of protocol 2 to 5 at " + (in.position() - 1) + ", got other bytes");
    }
    int protocol = in.uint8();
    if (protocol < 2 || protocol > 5) {
      throw in.error("expected a pickle of protocol 2 to 5, got " + protocol);
    }
    int instructions = 0;
    for (int opcode; (opcode = in.uint8()) != Opcode.STOP;) {
      if (++instructions > MAX_INSTRUCTIONS) {
        throw in.error("expected at most " + MAX_INSTRUCTIONS + " instructions in a pickle, got more");
      }
      execute(opcode);
    }
    Object result = pop();
    if (!stack.isEmpty() || !marks.isEmpty()) {
      throw in.error("expected one object in the pickle, got more");
    }
    return result;
  }

  private void execute(int opcode) {
    switch (opcode) {
      case Opcode.MARK -> marks.add(stack.size());
      case Opcode.FRAME -> in.skip(8);
      case Opcode.NONE -> stack.add(null);
      case Opcode.NEWTRUE -> stack.add(true);
      case Opcode.NEWFALSE -> stack.add(false);
      case Opcode.BININT -> stack.add((long) in.int32());
      case Opcode.BININT1 -> stack.add((long) in.uint8());
      case Opcode.BININT2 -> stack.add((long) in.uint16());
      case Opcode.LONG1 -> stack.add(integer(in.uint8()));
      case Opcode.LONG4 -> stack.add(integer(in.uint32()));
      case Opcode.BINFLOAT -> stack.add(in.bigEndianFloat64());
      case Opcode.BINUNICODE, Opcode.BINSTRING -> push(in.text(in.uint32()));
      case Opcode.SHORT_BINUNICODE, Opcode.SHORT_BINSTRING -> push(in.text(in.uint8()));
      case Opcode.BINUNICODE8 -> push(in.text(in.int64()));
      case Opcode.EMPTY_TUPLE -> stack.add(Tuple.EMPTY);
      case Opcode.TUPLE1 -> tuple(stack.size() - 1);
      case Opcode.TUPLE2 -> tuple(stack.size() - 2);
      case Opcode.TUPLE3 -> tuple(stack.size() - 3);
      case Opcode.TUPLE -> tuple(popMark());
      case Opcode.EMPTY_LIST -> push(new ArrayList<>(0));
      case Opcode.EMPTY_DICT -> push(new LinkedHashMap<>(0));
      case Opcode.EMPTY_SET -> push(new LinkedHashSet<>(0));
      case Opcode.FROZENSET -> {
        var items = popFrom(popMark());
        stack.add(setOf(items));
      }
      case Opcode.APPEND -> {
        Object item = pop();
        list().add(item);
      }
      case Opcode.APPENDS -> {
        var items = popFrom(popMark());
        list().addAll(items);
      }
      case Opcode.ADDITEMS -> {
        var items = popFrom(popMark());
        Set<Object> set = set();
        items.forEach(item -> set.add(key(item)));
      }
      case Opcode.SETITEM -> setItems(popFrom(below(2)));
      case Opcode.SETITEMS -> setItems(popFrom(popMark()));
      case Opcode.MEMOIZE -> remember(memo.size());
      case Opcode.BINPUT -> remember(in.uint8());
      case Opcode.LONG_BINPUT -> remember(in.int32());
      case Opcode.BINGET -> stack.add(remembered(in.uint8()));
      case Opcode.LONG_BINGET -> stack.add(remembered(in.int32()));
      case Opcode.GLOBAL -> stack.add(global(in.line(MAX_NAME), in.line(MAX_NAME)));
      case Opcode.STACK_GLOBAL -> {
        if (!(pop() instanceof String name) || !(pop() instanceof String module)) {
          throw in.error("expected a module's and a class's name in the pickle, got other objects");
        }
        stack.add(global(module, name));
      }
      case Opcode.REDUCE, Opcode.NEWOBJ -> {
        Object arguments = pop();
        stack.add(call(pop(), arguments));
      }
      case Opcode.BUILD -> {
        Object state = pop();
        build(peek(), state);
      }
      case Opcode.BINPERSID -> stack.add(persistent.load(pop()));
      default -> throw in.error("expected a pickle as PyTorch writes it, got instruction 0x" + Integer.toHexString(opcode) + " at "
          + (in.position() - 1));
    }
  }

  // ---- the stack ----

  private void push(Object object) {
    spend(1);
    stack.add(object);
  }

  private void spend(long count) {
    objects += count;
    if (objects > MAX_OBJECTS) {
      throw in.error("expected at most " + MAX_OBJECTS + " objects in a pickle, got more");
    }
  }

  /// Where on the stack the last `count` objects begin.
  private int below(int count) {
    int begin = stack.size() - count;
    if (begin < (marks.isEmpty() ? 0 : marks.getLast())) {
      throw in.error("expected " + count + " objects before " + in.position() + " of the pickle, got fewer");
    }
    return begin;
  }

  private @Nullable Object peek() {
    below(1);
    return stack.getLast();
  }

  private @Nullable Object pop() {
    below(1);
    return stack.removeLast();
  }

  private int popMark() {
    if (marks.isEmpty()) {
      throw in.error("expected a mark before " + in.position() + " of the pickle, got none");
    }
    return marks.removeLast();
  }

  private List<@Nullable Object> popFrom(int begin) {
    List<@Nullable Object> top = stack.subList(begin, stack.size());
    var items = new ArrayList<@Nullable Object>(top);
    top.clear();
    return items;
  }

  private void tuple(int begin) {
    below(stack.size() - begin);
    var tuple = new Tuple(popFrom(begin).toArray());
    push(tuple);
  }

  private void remember(int number) {
    spend(1);
    memo.put(number, peek());
  }

  private @Nullable Object remembered(int number) {
    Object value = memo.get(number);
    if (value == null && !memo.containsKey(number)) {
      throw in.error("expected object number " + Integer.toUnsignedString(number) + " in the pickle, got none of that number");
    }
    return value;
  }

  // ---- numbers, collections ----

  private Number integer(long bytes) {
    if (bytes == 0) {
      return 0L;
    }
    if (bytes > MAX_INTEGER_BYTES) {
      throw in.error("expected integers of at most " + MAX_INTEGER_BYTES + " bytes, got one of " + bytes);
    }
    byte[] littleEndian = in.array(bytes);
    for (int i = 0, j = littleEndian.length - 1; i < j; i++, j--) {
      byte swapped = littleEndian[i];
      littleEndian[i] = littleEndian[j];
      littleEndian[j] = swapped;
    }
    var value = new BigInteger(littleEndian);
    if (value.bitLength() < Long.SIZE) {
      return value.longValue();
    }
    return value;
  }

  @SuppressWarnings("unchecked") // every list that is made here holds objects
  private List<@Nullable Object> list() {
    if (!(peek() instanceof ArrayList<?> list)) {
      throw in.error("expected a list to add to, got " + describe(peek()));
    }
    return (List<@Nullable Object>) list;
  }

  @SuppressWarnings("unchecked")
  private Set<Object> set() {
    if (!(peek() instanceof Set<?> set)) {
      throw in.error("expected a set to add to, got " + describe(peek()));
    }
    return (Set<Object>) set;
  }

  private Set<Object> setOf(List<?> items) {
    spend(items.size() + 1);
    var set = new LinkedHashSet<>();
    items.forEach(item -> set.add(key(item)));
    return set;
  }

  @SuppressWarnings("unchecked")
  private void setItems(List<@Nullable Object> items) {
    if (!(peek() instanceof Map<?, ?> map)) {
      throw in.error("expected a map to put into, got " + describe(peek()));
    }
    if (items.size() % 2 != 0) {
      throw in.error("expected pairs of keys and values, got " + items.size() + " objects");
    }
    for (int i = 0; i < items.size(); i += 2) {
      ((Map<Object, @Nullable Object>) map).put(key(items.get(i)), items.get(i + 1));
    }
  }

  private Object key(@Nullable Object key) {
    if (key instanceof String text && text.length() > MAX_KEY) {
      throw in.error("expected keys of at most " + MAX_KEY + " characters, got one of " + text.length());
    }
    if (key instanceof String || key instanceof Long || key instanceof Double || key instanceof Boolean) {
      return key;
    }
    throw in.error("expected a string or a number as a key, got " + describe(key));
  }

  // ---- names and calls ----

  private Object global(String module, String name) {
    Object found = PickleGlobals.find(module, name);
    if (found == null) {
      throw in.error("refuses " + Quoted.text(module) + "." + Quoted.text(name) + ": a checkpoint may hold tensors of "
          + "Flambeau's dtypes, collections, numbers and strings, and nothing that runs");
    }
    return found;
  }

  private Object call(@Nullable Object callable, @Nullable Object arguments) {
    if (!(callable instanceof Callable known) || !(arguments instanceof Tuple given)) {
      throw in.error("expected a known function and its arguments in the pickle, got " + describe(callable) + " and "
          + describe(arguments));
    }
    return result(known, given);
  }

  private Object result(Callable known, Tuple given) {
    return switch (known) {
      case ORDERED_DICT -> orderedDict(given);
      case COUNTER -> counter(given);
      case SET -> given.isEmpty() ? setOf(List.of()) : setOf(argument(known, given, 0, List.class));
      case SIZE -> argument(known, given, 0, Tuple.class);
      case DEVICE -> argument(known, given, 0, String.class) + (given.size() > 1 ? ":" + argument(known, given, 1, Long.class) : "");
      case REBUILD_TENSOR -> tensor(known, given);
      case REBUILD_TENSOR_V2 -> required(tensor(known, given), argument(known, given, 4, Boolean.class));
      case REBUILD_PARAMETER, REBUILD_PARAMETER_WITH_STATE -> required(argument(known, given, 0, StoredTensor.class).twin(),
          argument(known, given, 1, Boolean.class));
      case PARAMETER -> required(argument(known, given, 0, StoredTensor.class).twin(),
          given.size() < 2 || argument(known, given, 1, Boolean.class));
    };
  }

  private <T> T argument(Callable of, Tuple arguments, int index, Class<T> type) {
    Object value = index < arguments.size() ? arguments.get(index) : null;
    if (!type.isInstance(value)) {
      throw in.error("expected other arguments of " + of + ", got " + (index < arguments.size() ? describe(value) : "nothing")
          + " as number " + index);
    }
    return type.cast(value);
  }

  private OrderedDict orderedDict(Tuple arguments) {
    var map = new OrderedDict();
    spend(1);
    if (!arguments.isEmpty()) { // as Python 2 wrote it
      List<?> pairs = argument(Callable.ORDERED_DICT, arguments, 0, List.class);
      spend(pairs.size());
      for (Object item : pairs) {
        if (!(item instanceof List<?> pair) || pair.size() != 2) {
          throw in.error("expected pairs of keys and values, got " + describe(item));
        }
        map.put(key(pair.get(0)), pair.get(1));
      }
    }
    return map;
  }

  private Map<Object, @Nullable Object> counter(Tuple arguments) {
    var map = new LinkedHashMap<Object, @Nullable Object>();
    spend(1);
    if (!arguments.isEmpty()) {
      Map<?, ?> counts = argument(Callable.COUNTER, arguments, 0, Map.class);
      spend(counts.size());
      map.putAll(counts);
    }
    return map;
  }

  private StoredTensor tensor(Callable of, Tuple arguments) {
    long[] sizes = numbers(argument(of, arguments, 2, Tuple.class));
    long[] strides = numbers(argument(of, arguments, 3, Tuple.class));
    spend(1 + sizes.length);
    return StoredTensor.of(source, argument(of, arguments, 0, StoredStorage.class), argument(of, arguments, 1, Long.class), sizes, strides);
  }

  private long[] numbers(Tuple tuple) {
    if (tuple.size() > StoredTensor.MAX_RANK) {
      throw in.error("expected at most " + StoredTensor.MAX_RANK + " dimensions, got " + tuple.size());
    }
    long[] numbers = new long[tuple.size()];
    for (int i = 0; i < numbers.length; i++) {
      if (!(tuple.get(i) instanceof Long number)) {
        throw in.error("expected sizes and strides below 2^63, got " + describe(tuple.get(i)));
      }
      numbers[i] = number;
    }
    return numbers;
  }

  private StoredTensor required(StoredTensor tensor, boolean requiresGrad) {
    spend(1 + tensor.rank());
    tensor.setRequiresGrad(source, requiresGrad);
    return tensor;
  }

  /// An `OrderedDict`'s attributes; the oldest files also tell after the fact whether a parameter requires grad.
  private void build(@Nullable Object object, @Nullable Object state) {
    if (object instanceof OrderedDict map && state instanceof Map<?, ?> attributes) {
      spend(attributes.size());
      attributes.forEach((name, value) -> map.attributes().put(String.valueOf(name), value));
    } else
      if (object instanceof StoredTensor tensor && state instanceof Tuple tuple && tuple.size() == 3
          && tuple.get(0) instanceof Boolean requiresGrad) {
            tensor.setRequiresGrad(source, requiresGrad);
          } else {
            throw in.error("expected the attributes of an OrderedDict or a Parameter, got " + describe(state) + " for " + describe(object));
          }
  }

  /// In a few words, whatever it holds.
  static String describe(@Nullable Object object) {
    return switch (object) {
      case null -> "None";
      case Tuple tuple -> "a tuple of " + tuple.size();
      case List<?> list -> "a list of " + list.size();
      case Map<?, ?> map -> "a map of " + map.size();
      case Set<?> set -> "a set of " + set.size();
      case String text -> "the string \"" + Quoted.text(text) + "\"";
      case BigInteger _ -> "an integer beyond 64 bits";
      case Number number -> "the number " + number;
      case Boolean bool -> bool ? "True" : "False";
      case StoredTensor _ -> "a tensor";
      case StoredStorage _ -> "a storage";
      case StorageType type -> "the type of storages of " + type.dtype();
      default -> String.valueOf(object);
    };
  }
}
