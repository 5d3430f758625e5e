package org.flambeau.backend.cuda;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.backend.cuda.binding.Libraries;
import org.flambeau.backend.cuda.binding.Library;
import org.flambeau.backend.cuda.binding.Nvrtc;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Chain;
import org.flambeau.spi.Chain.Link;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The real NVRTC, where it is installed or FLAMBEAU_CUDA_PATH names it, compiles what is generated for chains, for all generations of GPUs.
class InstalledChainsTest {
  private static final Pattern SPILLS = Pattern.compile("[1-9]\\d* bytes spill");
  private static final ChainSource PRODUCT_AND_SUM = source(List.of(DType.FLOAT32, DType.FLOAT32),
      binary(BinaryOp.MUL, DType.FLOAT32, 0, 1), binary(BinaryOp.ADD, DType.FLOAT32, 2, 0));

  @BeforeAll
  static void find() {
    String problem = Libraries.shared().problem(Library.NVRTC);
    assumeTrue(problem == null, problem);
  }

  static Stream<Integer> architectures() {
    return Stream.of(75, 80, 86, 89, 90, 100, 120)
        .filter(capability -> Arrays.stream(Nvrtc.architectures()).anyMatch(sm -> sm == capability));
  }

  private static Link binary(BinaryOp op, DType dtype, int a, int b) {
    return new Link(new Pointwise.Binary(op), dtype, List.of(a, b));
  }

  private static Link unary(UnaryOp op, DType dtype, int x) {
    return new Link(new Pointwise.Unary(op), dtype, List.of(x));
  }

  private static Link cast(DType dtype, int x) {
    return new Link(new Pointwise.Copy(), dtype, List.of(x));
  }

  private static ChainSource source(List<DType> operands, Link... links) {
    Strided[] strided = operands.stream()
        .map(dtype -> Strided.contiguous(new Storage(Device.CPU, new byte[4 * dtype.size()]), dtype, new long[] {4}))
        .toArray(Strided[]::new);
    return ChainSource.of(new Chain(strided.length, List.of(links)), strided);
  }

  /// Every dtype; a gated activation; the longest chain, of as many operands as there may be.
  private static List<ChainSource> sources() {
    List<ChainSource> sources = new ArrayList<>();
    sources.add(PRODUCT_AND_SUM);
    sources.add(source(List.of(DType.values()[0]), Stream.concat(
        IntStream.range(1, DType.values().length).mapToObj(i -> cast(DType.values()[i], i - 1)),
        Stream.of(cast(DType.FLOAT16, 0))).toArray(Link[]::new)));
    sources.add(source(List.of(DType.BFLOAT16, DType.BFLOAT16), unary(UnaryOp.SILU, DType.BFLOAT16, 0),
        binary(BinaryOp.MUL, DType.BFLOAT16, 2, 1)));
    List<Link> longest = new ArrayList<>();
    for (int i = 0; i < Chain.MOST_LINKS; i++) {
      int last = Chain.MOST_OPERANDS - 1 + i;
      longest.add(
          i % 2 == 0 ? binary(BinaryOp.MUL, DType.FLOAT32, last, i / 2 % Chain.MOST_OPERANDS) : unary(UnaryOp.GELU, DType.FLOAT32, last));
    }
    sources.add(source(Collections.nCopies(Chain.MOST_OPERANDS, DType.FLOAT32), longest.toArray(Link[]::new)));
    return sources;
  }

  private static Nvrtc.Program compile(int capability, List<ChainSource> sources) {
    String generated = sources.stream().map(ChainSource::text).collect(Collectors.joining());
    List<String> instances = sources.stream().flatMap(source -> Stream.of(Elementwise.Layout.values()).map(source::instance)).toList();
    return new KernelCompiler(capability).compile(Elementwise.SOURCE, generated, instances, "--ptxas-options=-v");
  }

  @ParameterizedTest
  @MethodSource("architectures")
  void everyKindOfChainCompilesWithoutSpills(int capability) {
    List<ChainSource> sources = sources();
    try (var program = compile(capability, sources)) {
      String log = program.log();
      assertEquals(sources.size() * Elementwise.Layout.values().length, log.split("Compiling entry function").length - 1, log);
      assertFalse(SPILLS.matcher(log).find(), log);
    }
  }

  @ParameterizedTest
  @MethodSource("architectures")
  void aProductAndASumAreRoundedEach(int capability) {
    try (var program = compile(capability, List.of(PRODUCT_AND_SUM))) {
      String code = new String(program.ptx(), US_ASCII);
      assertTrue(code.contains("mul.rn.f32") && code.contains("add.rn.f32"), code);
      assertFalse(code.contains("fma"), code);
    }
  }
}
