package org.flambeau;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.flambeau.autograd.Autograd;
import org.flambeau.autograd.AutogradMeta;
import org.flambeau.autograd.Node;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.HostAccess;
import org.flambeau.internal.ops.Casts;
import org.flambeau.internal.ops.Copies;
import org.flambeau.internal.ops.Creation;
import org.flambeau.internal.ops.Op;
import org.flambeau.internal.text.Shapes;
import org.flambeau.internal.text.TensorFormat;
import org.flambeau.internal.text.TypeName;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// An array of numbers of one [DType], of any rank, on one [Device], that can take part in automatic differentiation.
///
/// What a tensor can do stands in the interfaces it implements, by family. Results are new tensors; names that end in an
/// underscore change the tensor itself. Integers passed as sizes, indices and dimensions are Java's `long` and `int`;
/// scalar operands are `long` or `double` and do not change a tensor's dtype unless their category is higher.
public final class Tensor extends TensorFactories
    implements
      PointwiseMethods,
      ArithmeticMethods,
      BlendingMethods,
      ShapeMethods,
      ReductionMethods,
      OrderingMethods,
      IndexingMethods,
      LinearAlgebraMethods,
      RandomMethods {
  private static final Logger LOG = LoggerFactory.getLogger(Tensor.class);

  private Strided data;
  private final boolean wrappedNumber;
  private final boolean inference;
  private @Nullable AutogradMeta autograd;

  private Tensor(Strided data, boolean wrappedNumber, boolean inference) {
    this.data = data;
    this.wrappedNumber = wrappedNumber;
    this.inference = inference;
  }

  /// For operations: a new tensor over `data`.
  public static Tensor wrap(Strided data, ThreadState thread) {
    return new Tensor(data, false, thread.is(ThreadState.INFERENCE));
  }

  /// A number as an operand: of rank 0, on the CPU, and of the lowest rank in type promotion.
  public static Tensor number(long value) {
    return new Tensor(Creation.hostScalar(DType.INT64, value), true, false);
  }

  /// A number as an operand: of rank 0, on the CPU, and of the lowest rank in type promotion.
  public static Tensor number(double value) {
    return new Tensor(Creation.hostScalar(value), true, false);
  }

  /// A number as an operand beside tensors of `dtype`: a whole one beside integral tensors.
  public static Tensor number(double value, DType dtype) {
    return dtype.isFloating() ? number(value) : number((long) value);
  }

  // ---- what it is ----

  /// How many dimensions it has.
  public int dim() {
    return data.rank();
  }

  /// The sizes of all dimensions.
  public long[] sizes() {
    return data.sizes().clone();
  }

  /// The size of one dimension; a negative one counts from the end.
  public long size(int dim) {
    return data.size(org.flambeau.internal.ops.Shapes.dim("size", dim, dim()));
  }

  /// How many elements of storage lie between neighbours, for each dimension.
  public long[] strides() {
    return data.strides().clone();
  }

  /// How many elements it has.
  public long numel() {
    return data.numel();
  }

  public DType dtype() {
    return data.dtype();
  }

  public Device device() {
    return data.device();
  }

  /// Whether its elements lie in row-major order without gaps.
  public boolean isContiguous() {
    return data.isContiguous();
  }

  /// Whether its elements lie in this order without gaps.
  public boolean isContiguous(MemoryFormat format) {
    return Copies.isContiguous(this, format);
  }

  /// Where its elements lie: what kernels see of it.
  public Strided strided() {
    return data;
  }

  /// Whether it stands for a plain number, which has the least say in type promotion.
  public boolean isWrappedNumber() {
    return wrappedNumber;
  }

  /// Whether it was made under [GradMode#inferenceMode()].
  public boolean isInference() {
    return inference;
  }

  /// How often its memory was changed in place, through it or any view of it.
  public int version() {
    return data.storage().version();
  }

  // ---- other forms ----

  /// In another dtype; itself where it has that one. Casting float to integral cuts the fraction off.
  public Tensor to(DType dtype) {
    return Casts.to(this, dtype);
  }

  /// On another device; itself where it is there.
  public Tensor to(Device device) {
    return Casts.to(this, device);
  }

  /// On the CPU.
  public Tensor cpu() {
    return Casts.to(this, Device.CPU);
  }

  /// A copy with memory of its own.
  @Override
  public Tensor clone() {
    return Copies.clone(this);
  }

  /// In row-major order: itself where it is so, else a copy.
  public Tensor contiguous() {
    return Copies.contiguous(this);
  }

  /// In the given format: itself where it is so, else a copy.
  ///
  /// @throws IllegalArgumentException if the format is channels-last and this has not four dimensions
  public Tensor contiguous(MemoryFormat format) {
    return Copies.contiguous(this, format);
  }

  /// [#contiguous(MemoryFormat)] whose strides also say so where sizes of 1 leave the format open, as those of a kernel of 1×1 do.
  ///
  /// @throws IllegalArgumentException if the format is channels-last and this has not four dimensions
  public Tensor to(MemoryFormat format) {
    return Copies.to(this, format);
  }

  /// Overwrites the elements with those of `source`, broadcast to these sizes and cast to this dtype.
  public Tensor copy_(Tensor source) {
    return Copies.copyInto(this, source);
  }

  /// Zeros of these sizes, dtype and device.
  public Tensor zerosLike() {
    return zerosLike(this);
  }

  /// Sets all elements to 0.
  public Tensor zero_() {
    return Creation.zeroInPlace(this);
  }

  /// Sets all elements to `value`.
  public Tensor fill_(double value) {
    return Creation.fillInPlace(this, number(value));
  }

  /// Sets all elements to `value`.
  public Tensor fill_(long value) {
    return Creation.fillInPlace(this, number(value));
  }

  /// Makes this tensor show `source`'s memory, of the same sizes. For moving parameters between devices and dtypes; not recorded.
  public void setData(Tensor source) {
    if (!Arrays.equals(source.data.sizes(), data.sizes())) {
      throw new IllegalArgumentException(
          "[setData] expected sizes " + Shapes.tuple(data.sizes()) + ", got " + Shapes.tuple(source.data.sizes()));
    }
    org.flambeau.internal.memory.Scopes.escape(source);
    data = source.data;
    if (autograd != null) {
      autograd.followData();
    }
  }

  // ---- values on the host ----

  /// The one element, as the Java number of its dtype: Double, Float, Long, Integer, Short or Byte; bool as 0 or 1.
  ///
  /// @throws IllegalStateException where there is not exactly one element
  public Number item() {
    return HostAccess.item(this);
  }

  /// [#item()] as a double.
  public double toDouble() {
    return HostAccess.item(this).doubleValue();
  }

  /// [#item()] as a float.
  public float toFloat() {
    return HostAccess.item(this).floatValue();
  }

  /// [#item()] as a long.
  public long toLong() {
    return HostAccess.item(this).longValue();
  }

  /// Whether [#item()] is not 0.
  public boolean toBoolean() {
    return HostAccess.item(this).doubleValue() != 0;
  }

  /// The elements in row-major order, cast to float32.
  public float[] toFloatArray() {
    return HostAccess.floats(this);
  }

  /// The elements in row-major order, cast to float64.
  public double[] toDoubleArray() {
    return HostAccess.doubles(this);
  }

  /// The elements in row-major order, cast to int64.
  public long[] toLongArray() {
    return HostAccess.longs(this);
  }

  /// The elements in row-major order, cast to int32.
  public int[] toIntArray() {
    return HostAccess.ints(this);
  }

  /// The elements in row-major order, as truth values.
  public boolean[] toBooleanArray() {
    return HostAccess.booleans(this);
  }

  /// The memory of a contiguous tensor on the CPU, without a copy: what is written to the segment changes the tensor. The
  /// segment keeps the memory alive as long as it can be reached. Since it may be written at any time, nothing that is computed from that memory
  /// (weights in a kernel's layout, with a norm folded in, in a lower precision) is kept for the next use from now on.
  public MemorySegment toSegment() {
    return HostAccess.segment(this);
  }

  // ---- autograd ----

  /// Whether operations on it are recorded.
  public boolean requiresGrad() {
    return autograd != null && autograd.requiresGrad();
  }

  /// Sets whether operations on it are recorded; only leaves can be changed, only float dtypes can require it.
  public Tensor requiresGrad_(boolean required) {
    if (required || autograd != null) {
      autograd().setRequiresGrad(this, required);
    }
    return this;
  }

  /// Whether it is not the result of a recorded operation.
  public boolean isLeaf() {
    return autograd == null || autograd.isLeaf(this);
  }

  /// The gradient that backward passes have left, or null. Only leaves that require grad get one, and others after
  /// [#retainGrad()].
  public @Nullable Tensor grad() {
    AutogradMeta meta = autograd;
    if (meta == null) {
      return null;
    }
    if (meta.grad() == null && !meta.retainsGrad() && !meta.isLeaf(this)) {
      LOG.warn("The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be populated during "
          + "autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, use .retainGrad() on the non-leaf "
          + "Tensor. If you access the non-leaf Tensor by mistake, make sure you access the leaf Tensor instead.");
    }
    return meta.grad();
  }

  /// Replaces the gradient; null clears it.
  ///
  /// @throws AutogradException where its sizes, dtype or device are not this tensor's
  public void setGrad(@Nullable Tensor gradient) {
    if (gradient != null) {
      if (gradient == this) {
        throw new AutogradException("can't assign Variable as its own grad");
      }
      if (gradient.dtype() != dtype()) {
        throw new AutogradException("attempting to assign a gradient with dtype '" + gradient.dtype().label() + "' to a tensor with dtype '"
            + dtype().label() + "'. The gradient must match the tensor's dtype (defaults to the tensor's dtype).");
      }
      if (!gradient.device().equals(device())) {
        throw new AutogradException("attempting to assign a gradient located on device with index " + gradient.device()
            + " to a tensor located on device " + device() + ". Please ensure that the gradient and the tensor are on the same device.");
      }
      if (!Arrays.equals(gradient.data.sizes(), data.sizes())) {
        throw new AutogradException(
            "attempting to assign a gradient of size '" + Shapes.list(gradient.data.sizes()) + "' to a tensor of size '"
                + Shapes.list(data.sizes()) + "'. Please ensure that the gradient and the tensor are the same size");
      }
      autograd().setGrad(gradient);
    } else if (autograd != null) {
      autograd.setGrad(null);
    }
  }

  /// The node it came from, or null for a leaf.
  public @Nullable Node gradFn() {
    return autograd == null ? null : autograd.gradFn(this);
  }

  /// Which result of [#gradFn()] it is.
  public int outputNr() {
    return autograd == null ? 0 : autograd.outputNr();
  }

  /// Makes backward passes leave this tensor's gradient in [#grad()] although it is not a leaf.
  public Tensor retainGrad() {
    autograd().retainGrad(this);
    return this;
  }

  /// The same values and memory, out of every graph.
  public Tensor detach() {
    return new Tensor(data, false, inference);
  }

  /// Takes this tensor itself out of its graph.
  public Tensor detach_() {
    if (autograd != null) {
      autograd.detach(this);
    }
    return this;
  }

  /// Calls `hook` with each gradient of this tensor that a backward pass computes; what it returns, unless null, takes the
  /// gradient's place.
  public Node.Registration registerHook(UnaryOperator<@Nullable Tensor> hook) {
    return autograd().registerHook(this, hook);
  }

  /// Calls `hook` with this leaf after each time its gradient has been added to.
  public Node.Registration registerPostAccumulateGradHook(Consumer<Tensor> hook) {
    return autograd().registerPostAccumulateGradHook(this, hook);
  }

  /// Adds the gradients of this scalar to the `.grad` of every leaf it came from.
  ///
  /// @throws AutogradException if it has more than one element, requires no grad, or its graph was walked before
  public void backward(BackwardOption... options) {
    Autograd.backward(List.of(this), Arrays.asList((Tensor) null), options);
  }

  /// Adds the gradients of Σ this·gradient to the `.grad` of every leaf it came from: a vector-Jacobian product.
  public void backward(Tensor gradient, BackwardOption... options) {
    Autograd.backward(List.of(this), List.of(Op.given("backward", "gradient", gradient)), options);
  }

  /// For autograd: its place in graphs, made when first needed.
  public AutogradMeta autograd() {
    AutogradMeta meta = autograd;
    return meta != null ? meta : (autograd = new AutogradMeta());
  }

  /// For autograd: its place in graphs, or null where it has none yet.
  public @Nullable AutogradMeta autogradOrNull() {
    return autograd;
  }

  /// For autograd: the node that its gradient goes to, or null where nobody needs it.
  public @Nullable Node gradientEdge() {
    return autograd == null ? null : autograd.gradientEdge(this);
  }

  // ---- text ----

  /// Its dtype and sizes in a few words, for messages: `torch.FloatTensor [2, 3]`.
  public String describe() {
    return describe(dtype(), data.sizes());
  }

  /// [#describe()] of a tensor of this dtype and these sizes.
  public static String describe(DType dtype, long... sizes) {
    return "torch." + TypeName.of(dtype) + "Tensor " + Shapes.list(sizes);
  }

  /// PyTorch's printed form, to the letter, by the [PrintOptions] in force.
  @Override
  public String toString() {
    return TensorFormat.format(new TensorFormat.Source(dtype(), data.sizes(), HostAccess.elements(this),
        device().type() == Device.Type.CPU ? null : device().toString(), requiresGrad(), gradFnName()),
        PrintOptions.current());
  }

  private @Nullable String gradFnName() {
    try {
      Node node = gradFn();
      return node == null ? null : node.name();
    } catch (AutogradException e) {
      return "Invalid"; // one of several views whose base was changed in place
    }
  }
}
