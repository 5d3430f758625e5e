package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Chain;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Chains of element-wise functions, drawn at random, leave what their links leave one by one, bit for bit.
public class ChainTest {
  /// Which devices are held to it, as in `cuda:0`, where it is not the CPU and the best one.
  private static final String DEVICES = "flambeau.testkit.devices";
  /// How many chains are drawn.
  private static final String CHAINS = "flambeau.testkit.chains";
  private static final List<DType> FLOATS = List.of(DType.FLOAT32, DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16, DType.FLOAT64);
  private static final List<UnaryOp> UNARY = List.of(UnaryOp.NEG, UnaryOp.ABS, UnaryOp.SIGMOID, UnaryOp.RELU, UnaryOp.SILU, UnaryOp.GELU,
      UnaryOp.TANH, UnaryOp.SQUARE, UnaryOp.SIGN, UnaryOp.FLOOR);
  private static final List<BinaryOp> BINARY = List.of(BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL, BinaryOp.MAXIMUM, BinaryOp.MINIMUM);
  private static final List<BinaryOp> PREDICATES = List.of(BinaryOp.GT, BinaryOp.LE, BinaryOp.EQ);

  static Stream<Device> devices() {
    String named = System.getProperty(DEVICES, "");
    return named.isEmpty() ? Stream.of(Device.CPU, Device.best()).distinct() : Stream.of(named.split(",")).map(Device::parse);
  }

  @ParameterizedTest
  @MethodSource("devices")
  void isWhatItsLinksAreOneByOne(Device device) {
    Kernels kernels = Backends.kernels(device);
    for (int seed = 0, count = Integer.getInteger(CHAINS, 150); seed < count; seed++) {
      Random random = new Random(seed);
      DType dtype = pick(random, FLOATS);
      Tensor[] operands = operands(random, device, dtype);
      assumeTrue(kernels.supports(FusedOp.CHAIN, operands[0].strided()), device + " has no kernel for chains");
      Chain chain = chain(random, operands);
      Tensor expected = oneByOne(kernels, chain, operands);
      Tensor out = result(random, chain.dtype(), operands[0]);
      kernels.chain(chain, out.strided(), strided(operands));
      assertEquals(expected.to(Device.CPU).to(DType.FLOAT64).toString(), out.to(Device.CPU).to(DType.FLOAT64).toString(),
          "seed " + seed + ": " + chain);
      assertEquals(0, expected.ne(out).logicalAnd(expected.eq(expected)).sum().item().intValue(), "seed " + seed + ": " + chain);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void mayTakeTheMemoryOfAnOperand(Device device) {
    Kernels kernels = Backends.kernels(device);
    Tensor x = Tensor.randn(70, 33).to(device);
    Tensor y = Tensor.randn(70, 33).to(device);
    assumeTrue(kernels.supports(FusedOp.CHAIN, x.strided()), device + " has no kernel for chains");
    Chain chain = new Chain(2, List.of(new Chain.Link(new Pointwise.Binary(BinaryOp.MUL), DType.FLOAT32, List.of(0, 1)),
        new Chain.Link(new Pointwise.Binary(BinaryOp.ADD), DType.FLOAT32, List.of(2, 0))));
    Tensor expected = x.mul(y).add(x);
    kernels.chain(chain, x.strided(), x.strided(), y.strided());
    assertEquals(0, expected.ne(x).sum().item().intValue());
  }

  private static <T> T pick(Random random, List<T> list) {
    return list.get(random.nextInt(list.size()));
  }

  /// A whole one, and some that are broadcast, transposed, parts of others, or numbers of the host.
  private static Tensor[] operands(Random random, Device device, DType dtype) {
    long rows = 1L + random.nextInt(random.nextInt(8) == 0 ? 90 : 7);
    long columns = 1L + random.nextInt(random.nextInt(4) == 0 ? 3000 : 70);
    Tensor[] operands = new Tensor[1 + random.nextInt(4)];
    for (int k = 0; k < operands.length; k++) {
      operands[k] = switch (k == 0 ? random.nextInt(3) : random.nextInt(6)) {
        case 0, 3 -> Tensor.randn(rows, columns).to(dtype).to(device);
        case 1 -> Tensor.randn(columns, rows).to(dtype).to(device).t();
        case 2 -> Tensor.randn(rows, 2 * columns).to(dtype).to(device).narrow(1, random.nextInt((int) columns), columns);
        case 4 ->
          Tensor.randn(random.nextBoolean() ? new long[] {rows, 1} : new long[] {columns}).to(dtype).to(device).expand(rows, columns);
        default -> Tensor.scalar(random.nextGaussian());
      };
    }
    return operands;
  }

  private static Tensor result(Random random, DType dtype, Tensor like) {
    long rows = like.size(0);
    long columns = like.size(1);
    return switch (random.nextInt(3)) {
      case 0 -> Tensor.zeros(dtype, rows, columns).to(like.device());
      case 1 -> Tensor.zeros(dtype, columns, rows).to(like.device()).t();
      default -> Tensor.zeros(dtype, rows, columns + 3).to(like.device()).narrow(1, 2, columns);
    };
  }

  private static Chain chain(Random random, Tensor[] operands) {
    List<DType> dtypes = new ArrayList<>();
    List<Integer> whole = new ArrayList<>();
    for (int k = 0; k < operands.length; k++) {
      dtypes.add(operands[k].dtype());
      if (operands[k].dim() > 0) {
        whole.add(k);
      }
    }
    List<Chain.Link> links = new ArrayList<>();
    for (int count = 1 + random.nextInt(9); links.size() < count;) {
      int a = pick(random, whole);
      Chain.Link link = link(random, a, dtypes, operands);
      links.add(link);
      whole.add(dtypes.size());
      dtypes.add(link.dtype());
    }
    return new Chain(operands.length, links);
  }

  private static Chain.Link link(Random random, int a, List<DType> dtypes, Tensor[] operands) {
    DType dtype = dtypes.get(a);
    if (dtype == DType.BOOL) {
      int b = pick(random, alike(dtypes, operands, pick(random, dtypes.stream().filter(DType::isFloating).toList())));
      return random.nextBoolean() ? new Chain.Link(new Pointwise.Copy(), DType.FLOAT32, List.of(a))
          : new Chain.Link(new Pointwise.Where(), dtypes.get(b), List.of(a, b, b));
    }
    List<Integer> alike = alike(dtypes, operands, dtype);
    int b = pick(random, alike);
    return switch (random.nextInt(dtype.isFloating() ? 9 : 4)) {
      case 0, 1 -> new Chain.Link(new Pointwise.Binary(pick(random, BINARY)), dtype, List.of(a, b));
      case 2 -> new Chain.Link(new Pointwise.Binary(pick(random, PREDICATES)), DType.BOOL, List.of(a, b));
      case 3 -> new Chain.Link(new Pointwise.Copy(), pick(random, List.of(DType.FLOAT32, DType.INT32, DType.BFLOAT16)), List.of(a));
      case 4 -> new Chain.Link(new Pointwise.AddScaled(0.37), dtype, List.of(a, b));
      case 5 -> new Chain.Link(new Pointwise.Clamp(-0.7, 0.9), dtype, List.of(a));
      case 6 -> random.nextBoolean() ? new Chain.Link(new Pointwise.LeakyRelu(0.2), dtype, List.of(a))
          : new Chain.Link(new Pointwise.Elu(1.3, 0.8), dtype, List.of(a));
      default -> new Chain.Link(new Pointwise.Unary(pick(random, UNARY)), dtype, List.of(a));
    };
  }

  /// The values that may stand beside one of `dtype`: those of its dtype, and numbers of the host.
  private static List<Integer> alike(List<DType> dtypes, Tensor[] operands, DType dtype) {
    List<Integer> alike = new ArrayList<>();
    for (int value = 0; value < dtypes.size(); value++) {
      if (dtypes.get(value) == dtype || dtype.isFloating() && value < operands.length && operands[value].dim() == 0) {
        alike.add(value);
      }
    }
    return alike;
  }

  private static Tensor oneByOne(Kernels kernels, Chain chain, Tensor[] operands) {
    List<Tensor> values = new ArrayList<>(Arrays.asList(operands));
    for (Chain.Link link : chain.links()) {
      Tensor out = Tensor.zeros(link.dtype(), operands[0].sizes()).to(operands[0].device());
      link.function().run(kernels, out.strided(), strided(link.reads().stream().map(values::get).toArray(Tensor[]::new)));
      values.add(out);
    }
    return values.getLast();
  }

  private static Strided[] strided(Tensor[] tensors) {
    return Arrays.stream(tensors).map(Tensor::strided).toArray(Strided[]::new);
  }
}
