package org.flambeau.backend.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Chain;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;

/// A [Chain] in CUDA C++: a functor for the templates of `elementwise.cu`, whose links are the functors of the single operations. Values have
/// the chain's numbers; parameters of a function stand in it as they are.
///
/// ```cpp
/// struct CHAIN_MUL_SIGMOID_MUL {
///   static __device__ __forceinline__ auto of(float v0, float v1, Number v2) {
///     auto v3 = rounded<bfloat16>(MUL::of<float>(v0, v1));
///     auto v4 = rounded<bfloat16>(SIGMOID::of<float>(v3));
///     return MUL::of<float>(v4, v2);
///   }
/// };
/// ```
///
/// @param functor its name, that of all chains of such links
/// @param text its definition
/// @param types the template's arguments after it
record ChainSource(String functor, String text, String types) {
  /// An operand or a link's result.
  private record Value(DType dtype, boolean isHostScalar) {}

  static ChainSource of(Chain chain, Strided... operands) {
    List<Value> values = new ArrayList<>();
    for (Strided operand : operands) {
      values.add(new Value(operand.dtype(), operand.isHostScalar()));
    }
    String types = Stream.concat(Stream.of(Elementwise.type(chain.dtype())), values.stream().map(ChainSource::type))
        .collect(Collectors.joining(", "));
    String functor = chain.links().stream().map(link -> functor(link.function())).collect(Collectors.joining("_", "CHAIN_", ""));
    var text = new StringBuilder("struct " + functor + " {\n  static __device__ __forceinline__ auto of(" + parameters(values) + ") {\n");
    for (Chain.Link link : chain.links()) {
      String result = call(link, values);
      boolean last = values.size() == operands.length + chain.links().size() - 1;
      text.append("    ").append(last ? "return " + result
          : "auto v" + values.size() + " = rounded<" + Elementwise.type(link.dtype()) + ">(" + result + ")").append(";\n");
      values.add(new Value(link.dtype(), false));
    }
    return new ChainSource(functor, text.append("  }\n};\n").toString(), types);
  }

  /// The template's instance for it.
  String instance(Elementwise.Layout layout) {
    return layout.template() + "<" + functor + ", " + types + ">";
  }

  private static String type(Value operand) {
    return operand.isHostScalar ? "OnHost" : "InMemory<" + Elementwise.type(operand.dtype) + ">";
  }

  private static String parameters(List<Value> operands) {
    return IntStream.range(0, operands.size())
        .mapToObj(k -> (operands.get(k).isHostScalar ? "Number" : arithmetic(operands.get(k).dtype)) + " v" + k)
        .collect(Collectors.joining(", "));
  }

  /// As in types.cuh.
  private static String arithmetic(DType dtype) {
    return dtype == DType.FLOAT64 ? "double" : dtype.isFloating() ? "float" : "int64";
  }

  private static String functor(Pointwise function) {
    return switch (function) {
      case Pointwise.Copy() -> "COPY";
      case Pointwise.Unary(UnaryOp op) -> op.name();
      case Pointwise.Binary(BinaryOp op) -> op.name();
      case Pointwise.AddScaled _ -> "ADD_SCALED";
      case Pointwise.Where() -> "WHERE";
      case Pointwise.Clamp _ -> "CLAMP";
      case Pointwise.LeakyRelu _ -> "LEAKY_RELU";
      case Pointwise.Elu _ -> "ELU";
    };
  }

  private static String call(Chain.Link link, List<Value> values) {
    Value a = values.get(link.reads().getFirst());
    DType dtype = link.dtype();
    return switch (link.function()) {
      case Pointwise.Copy() -> call("COPY", a.dtype, link);
      case Pointwise.Unary(UnaryOp op) -> call(Elementwise.meant(op, a.dtype).name(), a.dtype, link);
      case Pointwise.Binary(BinaryOp op) -> call(op.name(), op.isPredicate() ? common(a, values.get(link.reads().get(1))) : dtype, link);
      case Pointwise.AddScaled(double alpha) -> call("ADD_SCALED", dtype, link, alpha);
      case Pointwise.Where() -> call("WHERE", dtype, link);
      case Pointwise.Clamp(double low, double high) -> call("CLAMP", dtype, link, low, high);
      case Pointwise.LeakyRelu(double slope) -> call("LEAKY_RELU", dtype, link, slope);
      case Pointwise.Elu(double alpha, double scale) -> call("ELU", dtype, link, alpha * scale, scale);
    };
  }

  private static String call(String functor, DType in, Chain.Link link, double... parameters) {
    Stream<String> read = link.reads().stream().map(value -> "v" + value);
    Stream<String> given = IntStream.range(0, parameters.length).mapToObj(i -> literal(parameters[i], in));
    return Stream.concat(read, given).collect(Collectors.joining(", ", functor + "::of<" + arithmetic(in) + ">(", ")"));
  }

  /// What a comparison takes its operands as: a number of the host follows the other's dtype.
  private static DType common(Value a, Value b) {
    return a.isHostScalar == b.isHostScalar ? DType.promote(a.dtype, b.dtype) : a.isHostScalar ? b.dtype : a.dtype;
  }

  private static String literal(double value, DType dtype) {
    if (!dtype.isFloating()) {
      return "static_cast<int64>(0x" + Long.toHexString((long) value) + "ull)";
    }
    return Double.isFinite(value) ? Double.toHexString(value)
        : "__longlong_as_double(0x" + Long.toHexString(Double.doubleToRawLongBits(value)) + "ull)";
  }
}
