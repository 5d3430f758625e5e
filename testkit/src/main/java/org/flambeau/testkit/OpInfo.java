package org.flambeau.testkit;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BinaryOperator;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// One operation and what it claims. The conformance suite holds every backend to it; its samples are the goldens of the same name.
///
/// An operation claims to be right in every dtype in which PyTorch offers it, to be differentiable wherever PyTorch has a
/// gradient, and to be so twice, unless the entry says otherwise and why.
public final class OpInfo {
  /// Calls the operation.
  @FunctionalInterface
  public interface Call {
    List<Tensor> of(List<Tensor> x, Attributes a);
  }

  /// Calls an operation with one result.
  @FunctionalInterface
  public interface One {
    Tensor of(List<Tensor> x, Attributes a);
  }

  /// The checks of the suite, by which exceptions are named.
  public enum Check {
    FORWARD,
    GRADIENT,
    STRIDED,
    GRAD_CHECK,
    GRAD_GRAD_CHECK,
    IN_PLACE,
    FUSED,
    SCOPED,
    CLOSED,
    MASKS,
    TWO_DEVICES,
    CAPTURED
  }

  private static final Set<Check> AGAINST_GOLDENS = EnumSet.of(Check.FORWARD, Check.GRADIENT, Check.SCOPED, Check.MASKS);

  /// A call that must be refused with a message that contains all of `parts`.
  public record Refusal(Supplier<Object> call, List<String> parts) {}

  private static final Pattern WORD = Pattern.compile("_([a-z0-9])");
  private static final Pattern CAPITAL = Pattern.compile("[A-Z]");

  private final String name;
  private final Call call;
  private final List<Call> inPlace = new ArrayList<>();
  private final Set<String> methods = new LinkedHashSet<>();
  private final Set<String> records = new LinkedHashSet<>();
  private final Map<Check, String> exceptions = new LinkedHashMap<>();
  private Device.@Nullable Type generator;
  private final Map<String, String> skipped = new LinkedHashMap<>();
  private final Map<String, String> rough = new LinkedHashMap<>();
  private final List<Refusal> refusals = new ArrayList<>();
  private @Nullable String unrefusing;
  private final Map<String, String> waiting = new LinkedHashMap<>();
  private double tolerance = 1;

  private OpInfo(String name, Call call) {
    this.name = name;
    this.call = call;
    methods.add(camel(name));
    records.add(name);
  }

  // ---- writing the table ----

  static OpInfo unary(String name, UnaryOperator<Tensor> call) {
    return op(name, (x, _) -> call.apply(x.get(0)));
  }

  static OpInfo unary(String name, UnaryOperator<Tensor> call, UnaryOperator<Tensor> inPlace) {
    return unary(name, call).inPlace((x, _) -> inPlace.apply(x.get(0)));
  }

  static OpInfo binary(String name, BinaryOperator<Tensor> call) {
    return op(name, (x, _) -> call.apply(x.get(0), x.get(1)));
  }

  static OpInfo binary(String name, BinaryOperator<Tensor> call, BinaryOperator<Tensor> inPlace) {
    return binary(name, call).inPlace((x, _) -> inPlace.apply(x.get(0), x.get(1)));
  }

  static OpInfo op(String name, One call) {
    return new OpInfo(name, (x, a) -> List.of(call.of(x, a)));
  }

  static OpInfo several(String name, Call call) {
    return new OpInfo(name, call);
  }

  /// The form that overwrites its first operand.
  OpInfo inPlace(One form) {
    inPlace.add((x, a) -> List.of(form.of(x, a)));
    methods.add(camel(name) + "_");
    return this;
  }

  /// The public methods that it tests, where they are not called as it is.
  OpInfo methods(String... names) {
    methods.remove(camel(name));
    methods.addAll(List.of(names));
    return this;
  }

  /// The operations of core that it runs, where they are not called as it is.
  OpInfo records(String... names) {
    records.remove(name);
    records.addAll(List.of(names));
    return this;
  }

  /// Makes the tolerances `factor` times as wide.
  OpInfo tolerance(double factor) {
    tolerance = factor;
    return this;
  }

  /// Takes it out of one check.
  OpInfo except(Check check, String reason) {
    exceptions.put(check, reason);
    return this;
  }

  /// Says that its goldens hold numbers that the generator of one kind of device has drawn. On another it is held to itself, not to them.
  OpInfo drawnBy(Device.Type generator) {
    this.generator = generator;
    return this;
  }

  /// Takes the samples whose key contains `part` out of all checks.
  OpInfo skip(String part, String reason) {
    skipped.put(part, reason);
    return this;
  }

  /// Takes the samples whose key contains `part`, at which it has no derivative, out of the checks by differences.
  OpInfo rough(String part, String reason) {
    rough.put(part, reason);
    return this;
  }

  /// A call that must be refused, and what the message must say.
  OpInfo refuses(Supplier<Object> wrong, String... parts) {
    refusals.add(new Refusal(wrong, List.of(parts)));
    return this;
  }

  /// Says why nothing that can be passed to it is wrong.
  OpInfo refusesNothing(String reason) {
    unrefusing = reason;
    return this;
  }

  /// Says why the samples whose key contains `part` have to wait for the device, so that no graph of the device's can contain them.
  OpInfo waits(String part, String reason) {
    waiting.put(part, reason);
    return this;
  }

  // ---- reading it ----

  public String name() {
    return name;
  }

  public List<Tensor> call(List<Tensor> x, Attributes a) {
    return call.of(x, a);
  }

  public @Nullable Call inPlace() {
    return inPlace.isEmpty() ? null : inPlace.getFirst();
  }

  public Set<String> methods() {
    return methods;
  }

  public Set<String> records() {
    return records;
  }

  public List<Refusal> refusals() {
    return refusals;
  }

  /// Why nothing is wrong for it, or null.
  public @Nullable String refusesNothing() {
    return unrefusing;
  }

  /// Why `sample` has to wait for the device, or null.
  public @Nullable String waits(Sample sample) {
    return reason(waiting, sample);
  }

  /// Whether `message` begins with a name by which its callers know it, as in `[scatter_add]` or `[add_]`.
  public boolean isNamedBy(String message) {
    return Stream.concat(Stream.of(name), methods.stream().flatMap(method -> Stream.of(method, snake(method))))
        .anyMatch(known -> message.startsWith("[" + known + "]") || message.startsWith("[" + known + "_]"));
  }

  /// Why it is out of `check`, or null.
  public @Nullable String exception(Check check) {
    return exceptions.get(check);
  }

  /// Why it is out of `check` on a device, or null.
  public @Nullable String exception(Check check, Device device) {
    return generator != null && device.type() != generator && AGAINST_GOLDENS.contains(check)
        ? "its goldens are drawn by the generator of a device of type " + generator : exception(check);
  }

  /// Why `sample` is out of `check`, or null.
  public @Nullable String skips(Check check, Sample sample) {
    String reason = reason(skipped, sample);
    return reason == null && (check == Check.GRAD_CHECK || check == Check.GRAD_GRAD_CHECK) ? reason(rough, sample) : reason;
  }

  private static @Nullable String reason(Map<String, String> parts, Sample sample) {
    return parts.keySet().stream().filter(sample.toString()::contains).findFirst().map(parts::get).orElse(null);
  }

  public List<Sample> samples() {
    return Goldens.of(name);
  }

  double tolerance() {
    return tolerance;
  }

  /// `scatter_add` → `scatterAdd`, `normal_` → `normal_`.
  static String camel(String name) {
    return WORD.matcher(name).replaceAll(start -> start.group(1).toUpperCase(Locale.ROOT));
  }

  /// `scatterAdd` → `scatter_add`.
  private static String snake(String method) {
    return CAPITAL.matcher(method).replaceAll(capital -> "_" + capital.group().toLowerCase(Locale.ROOT));
  }

  @Override
  public String toString() {
    return name;
  }
}
