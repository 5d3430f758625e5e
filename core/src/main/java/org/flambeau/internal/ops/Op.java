package org.flambeau.internal.ops;

import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.AutogradMeta;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.RecordedNode;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.DeviceMemory;
import org.flambeau.internal.memory.ScopeMembers;
import org.flambeau.internal.memory.Scopes;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// An operation: its name, its derivative, and the one way in which all operations run: allocate the result, hold on to
/// the operands' memory, call one kernel, record one node. Checks, broadcasting and type promotion come before, in the
/// class of the operation's family.
///
/// @param <A> what it depends on besides its operands
public final class Op<A> {
  private static final List<Op<?>> ALL = Collections.synchronizedList(new ArrayList<>());

  private final String name;
  private final String title;
  private final @Nullable Derivative<A> derivative;

  private Op(String name, @Nullable Derivative<A> derivative) {
    this.name = name;
    int dot = name.indexOf('.');
    this.title = dot < 0 ? name : name.substring(0, dot);
    this.derivative = derivative;
    ALL.add(this);
  }

  /// One kernel call.
  @FunctionalInterface
  public interface Kernel {
    void run(Kernels kernels, Strided out);
  }

  /// One kernel call with several results.
  @FunctionalInterface
  public interface MultiKernel {
    void run(Kernels kernels, Strided[] outs);
  }

  /// An operation that `derivative` differentiates.
  public static <A> Op<A> of(String name, Derivative<A> derivative) {
    return new Op<>(name, derivative);
  }

  /// An operation whose results are whole numbers or truth values, or that by its nature passes no gradient.
  public static <A> Op<A> notDifferentiable(String name) {
    return new Op<>(name, null);
  }

  /// Every operation there is, for the test that all are tested. Families are listed when their class is initialised.
  public static List<Op<?>> all() {
    return List.copyOf(ALL);
  }

  public String name() {
    return name;
  }

  /// The name as messages show it: of overloads, `sum` and `sum.dims`, the part in common.
  public String title() {
    return title;
  }

  public @Nullable Derivative<A> derivative() {
    return derivative;
  }

  // ---- running ----

  /// Runs on one operand; the result has the given dtype and, in `layout`, sizes and strides.
  public Tensor run(A attributes, DType dtype, Layout layout, Tensor x, Kernel kernel) {
    ThreadState thread = ThreadState.current();
    Strided out = allocate(thread, x.device(), dtype, layout);
    hold(x);
    try {
      kernel.run(Backends.kernels(out.device()), out);
    } catch (ArithmeticException | IndexOutOfBoundsException e) {
      throw named(e);
    } finally {
      letGo(x);
      Reference.reachabilityFence(x);
    }
    Tensor result = Tensor.wrap(out, thread);
    if (derivative != null && x.requiresGrad() && thread.records()) {
      RecordedNode.record(derivative, attributes, new Tensor[] {x}, result);
    }
    return result;
  }

  /// Runs on two operands, on `device`.
  public Tensor run(A attributes, DType dtype, Layout layout, Device device, Tensor a, Tensor b, Kernel kernel) {
    ThreadState thread = ThreadState.current();
    requireOneDevice(a, b);
    Strided out = allocate(thread, device, dtype, layout);
    hold(a);
    try {
      hold(b);
      try {
        kernel.run(Backends.kernels(device), out);
      } catch (ArithmeticException | IndexOutOfBoundsException e) {
        throw named(e);
      } finally {
        letGo(b);
        Reference.reachabilityFence(b);
      }
    } finally {
      letGo(a);
      Reference.reachabilityFence(a);
    }
    Tensor result = Tensor.wrap(out, thread);
    if (derivative != null && (a.requiresGrad() || b.requiresGrad()) && thread.records()) {
      RecordedNode.record(derivative, attributes, new Tensor[] {a, b}, result);
    }
    return result;
  }

  /// Runs on any number of operands; null is one that was not given.
  public Tensor run(A attributes, DType dtype, Layout layout, Device device, @Nullable Tensor[] operands, Kernel kernel) {
    return runMulti(attributes, device, new DType[] {dtype}, new Layout[] {layout}, operands, (k, outs) -> kernel.run(k, outs[0]))[0];
  }

  /// Runs on any number of operands, with any number of results; null is an operand that was not given.
  public Tensor[] runMulti(A attributes, Device device, DType[] dtypes, Layout[] layouts, @Nullable Tensor[] operands, MultiKernel kernel) {
    ThreadState thread = ThreadState.current();
    requireOneDevice(operands);
    Strided[] outs = new Strided[dtypes.length];
    for (int i = 0; i < outs.length; i++) {
      outs[i] = allocate(thread, device, dtypes[i], layouts[i]);
    }
    call(operands, () -> kernel.run(Backends.kernels(device), outs));
    Tensor[] results = new Tensor[outs.length];
    for (int i = 0; i < outs.length; i++) {
      results[i] = Tensor.wrap(outs[i], thread);
    }
    if (derivative != null && thread.records() && anyRequiresGrad(operands)) {
      RecordedNode.record(derivative, attributes, operands, results);
    }
    return results;
  }

  /// Computes a result with other operations, which are not recorded; this one is, as a whole.
  public Tensor compose(A attributes, @Nullable Tensor[] operands, Supplier<Tensor> computation) {
    return composeMulti(attributes, operands, () -> new Tensor[] {computation.get()})[0];
  }

  /// Computes several results with other operations, which are not recorded; this one is, as a whole.
  public Tensor[] composeMulti(A attributes, @Nullable Tensor[] operands, Supplier<Tensor[]> computation) {
    ThreadState thread = ThreadState.current();
    requireOneDevice(operands);
    Tensor[] results;
    try (var _ = GradMode.noGrad()) {
      thread.modes &= ~ThreadState.AUTOCAST; // as a kernel, it computes in the dtype of its operands
      results = inInnerScope(thread, () -> apart(operands, computation.get()));
    } catch (IllegalArgumentException | IndexOutOfBoundsException | ArithmeticException e) {
      throw inTheNameOf(title(), e);
    }
    for (int i = 0; i < results.length; i++) {
      AutogradMeta meta = results[i].autogradOrNull();
      if (meta != null && meta.base() != null) {
        results[i] = results[i].detach(); // what it is a view of is a temporary, as no operand's memory is left among the results
      }
    }
    if (derivative != null && thread.records() && anyRequiresGrad(operands)) {
      RecordedNode.record(derivative, attributes, operands, results);
    }
    return results;
  }

  /// `results`, those copied that lie in an operand's memory: an operation that is recorded as a whole makes no views.
  private static Tensor[] apart(@Nullable Tensor[] operands, Tensor[] results) {
    for (Tensor operand : operands) {
      for (int i = 0; operand != null && i < results.length; i++) {
        results[i] = Copies.separate(operand, results[i]);
      }
    }
    return results;
  }

  /// Changes the first operand in place by other operations, which are not recorded; this one, whose derivative does not look at that operand,
  /// is, as a whole.
  Tensor composeInPlace(A attributes, Tensor[] operands, Supplier<Tensor> change) {
    ThreadState thread = ThreadState.current();
    Tensor self = operands[0];
    boolean recording = derivative != null && thread.records() && anyRequiresGrad(operands);
    AutogradMeta.checkInPlace(self, thread.records(), recording);
    RecordedNode<A> node = recording && derivative != null ? RecordedNode.begin(derivative, attributes, operands) : null;
    try (var _ = GradMode.noGrad()) {
      thread.modes &= ~ThreadState.AUTOCAST;
      Tensor _ = scoped(title, change);
    } catch (RuntimeException | Error e) {
      if (node != null) {
        node.releaseSaved(org.flambeau.autograd.Node.Released.BACKWARD_DONE);
      }
      throw e;
    }
    if (node != null) {
      node.finishInPlace(self);
    }
    return self;
  }

  /// Runs a computation of several operations; in a scope, its temporaries are freed when it ends.
  public static Tensor[] inInnerScope(ThreadState thread, Supplier<Tensor[]> computation) {
    if (thread.scope == null) {
      return computation.get();
    }
    ScopeMembers inner = Scopes.openInner(thread);
    try {
      Tensor[] results = computation.get();
      for (Tensor result : results) {
        inner.passOn(result.strided().storage());
      }
      return results;
    } finally {
      Scopes.close(thread, inner);
    }
  }

  /// [#scoped(Supplier)] with several results.
  public static Tensor[] scopedMulti(Supplier<Tensor[]> computation) {
    return inInnerScope(ThreadState.current(), computation);
  }

  /// Runs a computation of several operations; in a scope, its temporaries are freed when it ends.
  public static Tensor scoped(Supplier<Tensor> computation) {
    ThreadState thread = ThreadState.current();
    return thread.scope == null ? computation.get() : inInnerScope(thread, () -> new Tensor[] {computation.get()})[0];
  }

  /// Applies `steps` to `x` one after the other. What one gave, where it is a temporary of an inner scope, is freed as soon as the next has used
  /// it; what that one saved stays.
  public static Tensor chain(Tensor x, List<? extends UnaryOperator<Tensor>> steps) {
    ThreadState thread = ThreadState.current();
    Tensor last = x;
    for (UnaryOperator<Tensor> step : steps) {
      Tensor next = step.apply(last);
      Storage used = last.strided().storage();
      if (thread.scope != null && used != x.strided().storage() && used != next.strided().storage()) {
        thread.scope.giveBack(used);
      }
      last = next;
    }
    return last;
  }

  /// [#scoped(Supplier)], in the name of the operation that the caller knows: so it is called in what the others refuse.
  public static Tensor scoped(String name, Supplier<Tensor> computation) {
    try {
      return scoped(computation);
    } catch (IllegalArgumentException | IndexOutOfBoundsException | ArithmeticException e) {
      throw inTheNameOf(name, e);
    }
  }

  /// An operand of the operation `name`, which must be there; `what` is what its caller calls it.
  public static Tensor given(String name, String what, @Nullable Tensor operand) {
    if (operand == null) {
      throw new IllegalArgumentException("[" + name + "] " + what + " is null: expected a tensor");
    }
    return operand;
  }

  /// All operands of the operation `name`, which must be there.
  static void requireGiven(String name, @Nullable Tensor... operands) {
    for (int i = 0; i < operands.length; i++) {
      if (operands[i] == null) {
        Tensor _ = given(name, "operand " + (i + 1), null);
      }
    }
  }

  /// What an operation inside the operation `name` found wrong.
  private static RuntimeException inTheNameOf(String name, RuntimeException e) {
    String message = String.valueOf(e.getMessage());
    int end = message.startsWith("[") ? message.indexOf("] ") : -1;
    if (end < 0 || end == name.length() + 1 && message.startsWith(name, 1)) {
      return e;
    }
    String renamed = "[" + name + message.substring(end);
    RuntimeException outer = switch (e) {
      case IndexOutOfBoundsException _ -> new IndexOutOfBoundsException(renamed);
      case ArithmeticException _ -> new ArithmeticException(renamed);
      default -> new IllegalArgumentException(renamed);
    };
    outer.initCause(e);
    return outer;
  }

  /// Makes sure that the user, who is about to see `tensor` inside such a computation, can hold on to it after its end.
  public static void expose(Tensor tensor) {
    Scopes.expose(ThreadState.current(), tensor);
  }

  /// Changes `self` in place, from `operands`, of which the first is `self`; the kernel writes to self's own elements.
  public Tensor runInPlace(A attributes, Tensor self, Tensor[] operands, Kernel kernel) {
    Overlaps.requireDistinct(title(), self);
    for (int i = 1; i < operands.length; i++) {
      Overlaps.refusePartial(title(), self, operands[i]);
    }
    return overwrite(attributes, self, operands, kernel);
  }

  /// [#runInPlace] for kernels that leave the same behind even where several elements of `self` share one place.
  public Tensor overwrite(A attributes, Tensor self, Tensor[] operands, Kernel kernel) {
    ThreadState thread = ThreadState.current();
    if (this != Copies.COPY) {
      requireOneDevice(operands);
    }
    boolean recording = derivative != null && thread.records() && anyRequiresGrad(operands);
    AutogradMeta.checkInPlace(self, thread.records(), recording);
    if (self.isInference() && !thread.is(ThreadState.INFERENCE)) {
      throw new AutogradException("Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
          + "normal tensor before doing inplace update.");
    }
    RecordedNode<A> node = null;
    if (recording && derivative != null) {
      Tensor[] before = operands;
      if (RecordedNode.savesFirst(derivative, operands)) {
        before = operands.clone();
        before[0] = Copies.snapshot(self);
      }
      node = RecordedNode.begin(derivative, attributes, before);
    }
    try {
      call(operands, () -> kernel.run(Backends.kernels(self.device()), self.strided()));
    } catch (RuntimeException | Error e) {
      if (node != null) {
        node.releaseSaved(org.flambeau.autograd.Node.Released.BACKWARD_DONE);
      }
      throw e;
    }
    thread.changed(self.strided().storage());
    if (node != null) {
      node.finishInPlace(self);
    }
    return self;
  }

  /// Changes the first operand, in place or in a row-major copy of it, by a kernel that reads and writes what it is given.
  public Tensor change(A attributes, boolean inPlace, Tensor[] operands, Kernel kernel) {
    return change(attributes, inPlace ? null : Layout.contiguous(operands[0].strided().sizes()), operands, kernel);
  }

  /// @param copy where the changed copy lies; null: the operand is changed in place
  Tensor change(A attributes, @Nullable Layout copy, Tensor[] operands, Kernel kernel) {
    Tensor self = operands[0];
    if (copy == null) {
      for (int i = 1; i < operands.length; i++) {
        Overlaps.refuseAny(title(), self, operands[i]);
      }
      return runInPlace(attributes, self, operands, kernel);
    }
    Strided in = self.strided();
    return run(attributes, in.dtype(), copy, self.device(), operands, (k, out) -> {
      k.copy(out, in);
      kernel.run(k, out);
    });
  }

  /// Makes a view of `x`: another layout of the same storage.
  public Tensor view(A attributes, Tensor x, Strided layout) {
    return view(attributes, x, layout, AutogradMeta.Creation.PLAIN);
  }

  private Tensor view(A attributes, Tensor x, Strided layout, AutogradMeta.Creation creation) {
    ThreadState thread = ThreadState.current();
    Tensor result = Tensor.wrap(layout, thread);
    track(thread, x, result, creation);
    if (derivative != null && x.requiresGrad() && thread.records()) {
      RecordedNode.record(derivative, attributes, new Tensor[] {x}, result);
    }
    return result;
  }

  /// Another layout of `x`, a result that nobody else sees: the only one of its memory, and so no view.
  Tensor reinterpret(A attributes, Tensor x, Strided layout) {
    ThreadState thread = ThreadState.current();
    Tensor result = Tensor.wrap(layout, thread);
    if (derivative != null && x.requiresGrad() && thread.records()) {
      RecordedNode.record(derivative, attributes, new Tensor[] {x}, result);
    }
    return result;
  }

  /// Makes several views of `x` at once, which then share one node and refuse changes in place.
  public List<Tensor> views(A attributes, Tensor x, List<Strided> layouts) {
    ThreadState thread = ThreadState.current();
    Tensor[] results = new Tensor[layouts.size()];
    for (int i = 0; i < results.length; i++) {
      results[i] = Tensor.wrap(layouts.get(i), thread);
      track(thread, x, results[i], AutogradMeta.Creation.MULTIPLE_OUTPUTS);
    }
    if (derivative != null && x.requiresGrad() && thread.records() && results.length > 0) {
      RecordedNode.record(derivative, attributes, new Tensor[] {x}, results);
    }
    return List.of(results);
  }

  /// Changes all of `changed` in one kernel call, from `operands` too. It cannot be recorded: for updates of parameters.
  public void runInPlace(Device device, List<Tensor> changed, List<Tensor> operands, Consumer<Kernels> kernel) {
    ThreadState thread = ThreadState.current();
    List<Tensor> held = new ArrayList<>(changed);
    held.addAll(operands);
    for (Tensor self : changed) {
      AutogradMeta.checkInPlace(self, thread.records(), false);
    }
    call(held.toArray(Tensor[]::new), () -> kernel.accept(Backends.kernels(device)));
    for (Tensor self : changed) {
      thread.changed(self.strided().storage());
    }
  }

  /// Remembers what `result` views, for changes in place. Nothing can be recorded of integral tensors.
  private static void track(ThreadState thread, Tensor x, Tensor result, AutogradMeta.Creation creation) {
    if (!x.dtype().isFloating() || thread.is(ThreadState.INFERENCE)) {
      return;
    }
    AutogradMeta meta = x.autogradOrNull();
    Tensor base = meta == null || meta.base() == null ? x : meta.base();
    AutogradMeta.Creation how = thread.records() ? creation : AutogradMeta.Creation.NO_GRAD;
    result.autograd().setView(result, base, how == AutogradMeta.Creation.PLAIN && meta != null ? meta.creation() : how);
  }

  private Strided allocate(ThreadState thread, Device device, DType dtype, Layout layout) {
    return layout.over(DeviceMemory.of(device).allocate(layout.numel(), dtype, thread, title), dtype);
  }

  /// Memory for a tensor that is no operation's result.
  static Strided allocateNew(ThreadState thread, Device device, DType dtype, Layout layout) {
    return layout.over(DeviceMemory.of(device).allocate(layout.numel(), dtype, thread), dtype);
  }

  /// What a kernel found wrong with the values of its operands, with this operation's name.
  private RuntimeException named(RuntimeException e) {
    String message = String.valueOf(e.getMessage());
    RuntimeException named = message.startsWith("[") ? e
        : e instanceof ArithmeticException
            ? new ArithmeticException("[" + title() + "] ZeroDivisionError: integer division or modulo by zero")
        : new IndexOutOfBoundsException("[" + title() + "] " + message);
    if (named != e) {
      named.initCause(e);
    }
    return named;
  }

  private void call(@Nullable Tensor[] operands, Runnable kernel) {
    int held = 0;
    try {
      for (; held < operands.length; held++) {
        hold(operands[held]);
      }
      kernel.run();
    } catch (ArithmeticException | IndexOutOfBoundsException e) {
      throw named(e);
    } finally {
      while (held > 0) {
        letGo(operands[--held]);
      }
      Reference.reachabilityFence(operands);
    }
  }

  /// Refuses operands on several devices; numbers that the host can read may stand beside any.
  private void requireOneDevice(@Nullable Tensor... operands) {
    Tensor first = null;
    for (Tensor operand : operands) {
      if (operand != null && !operand.strided().isHostScalar()) {
        if (first == null) {
          first = operand;
        } else {
          requireOneDevice(first, operand);
        }
      }
    }
  }

  private void requireOneDevice(Tensor a, Tensor b) {
    if (a.device() != b.device()) {
      Device _ = Binary.device(title(), a, b);
    }
  }

  private static boolean anyRequiresGrad(@Nullable Tensor[] operands) {
    for (Tensor operand : operands) {
      if (operand != null && operand.requiresGrad()) {
        return true;
      }
    }
    return false;
  }

  private static void hold(@Nullable Tensor tensor) {
    if (tensor == null) {
      return;
    }
    Storage storage = tensor.strided().storage();
    if (storage.isCounted()) {
      storage.retain();
    }
  }

  private static void letGo(@Nullable Tensor tensor) {
    if (tensor == null) {
      return;
    }
    Storage storage = tensor.strided().storage();
    if (storage.isCounted()) {
      storage.release();
    }
  }
}
