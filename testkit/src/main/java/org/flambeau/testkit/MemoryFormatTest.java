package org.flambeau.testkit;

import static org.flambeau.MemoryFormat.CHANNELS_LAST;
import static org.flambeau.MemoryFormat.CONTIGUOUS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.flambeau.BackwardOption;
import org.flambeau.DType;
import org.flambeau.Index;
import org.flambeau.MemoryFormat;
import org.flambeau.Random;
import org.flambeau.Reduce;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Dropout;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Functional.InterpolationMode;
import org.flambeau.nn.Functional.PaddingMode;
import org.flambeau.nn.MaxPool2d;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Formats are PyTorch's, and change where elements lie, not what they are. The strides stand in its words, `x.stride()`.
class MemoryFormatTest {
  private static Tensor arange(long... sizes) {
    long numel = 1;
    for (long size : sizes) {
      numel *= size;
    }
    return Tensor.arange(numel).view(sizes);
  }

  private static long[] longs(String text) {
    return Arrays.stream(text.split(" ")).mapToLong(Long::parseLong).toArray();
  }

  /// `contiguous` copies where elements lie otherwise, `to` also where sizes of 1 leave the strides open.
  @ParameterizedTest
  @CsvSource({"2 3 4 5, 60 1 15 3, 60 1 15 3", "8 4 1 1, 4 1 1 1, 4 1 4 4", "2 1 4 5, 20 20 5 1, 20 1 5 1", "1 3 1 1, 3 1 1 1, 3 1 3 3",
    "2 3 1 5, 15 1 15 3, 15 1 15 3"})
  void strides_are_pytorchs(String sizes, String contiguous, String to) {
    Tensor x = arange(longs(sizes));
    Tensor y = x.contiguous(CHANNELS_LAST);
    assertArrayEquals(longs(contiguous), y.strided().strides());
    assertArrayEquals(longs(to), x.to(CHANNELS_LAST).strided().strides());
    assertEquals(x.isContiguous(CHANNELS_LAST), x == y);
    assertTrue(y.isContiguous(CHANNELS_LAST));
    assertEquals(x.toString(), y.toString());
    assertArrayEquals(x.strided().strides(), x.to(CHANNELS_LAST).to(CONTIGUOUS).strided().strides());
  }

  @Test
  void what_lies_so_already_is_not_copied() {
    Tensor x = arange(2, 3, 4, 5);
    assertSame(x, x.to(CONTIGUOUS));
    assertSame(x, x.contiguous(CONTIGUOUS));
    Tensor y = x.to(CHANNELS_LAST);
    assertSame(y, y.to(CHANNELS_LAST));
    assertFalse(y.isContiguous());
    assertTrue(y.to(DType.FLOAT64).isContiguous(CHANNELS_LAST), "a cast keeps the format");
    assertTrue(y.clone().isContiguous(CHANNELS_LAST), "so does a clone");
  }

  @Test
  void only_four_dimensions_can_be_channels_last() {
    Tensor x = arange(2, 3);
    assertFalse(x.isContiguous(CHANNELS_LAST));
    for (var call : new Executable[] {() -> x.to(CHANNELS_LAST), () -> x.contiguous(CHANNELS_LAST)}) {
      String message = Objects.requireNonNull(assertThrows(IllegalArgumentException.class, call).getMessage());
      assertTrue(message.contains("required rank 4 tensor to use channels_last format, got sizes (2, 3)"), message);
    }
  }

  /// By PyTorch: `torch.manual_seed(0); torch.rand_like(x)`, and `F.dropout(torch.ones_like(x))`.
  @Test
  void random_numbers_are_drawn_in_the_order_of_the_memory() {
    Tensor x = Tensor.zeros(1, 2, 2, 3).to(CHANNELS_LAST);
    Random.manualSeed(0);
    Tensor y = Tensor.randLike(x);
    assertTrue(y.isContiguous(CHANNELS_LAST) && Tensor.emptyLike(x).isContiguous(CHANNELS_LAST));
    assertArrayEquals(new double[] {0.496256589, 0.0884774327, 0.307422817, 0.490093410}, y.flatten(0, -1).narrow(0, 0, 4).toDoubleArray(),
        1e-8);
    Random.manualSeed(0);
    assertArrayEquals(new double[] {0, 2, 0, 2, 0, 2, 0, 0, 0, 2, 2, 2}, new Dropout(0.5).call(Tensor.onesLike(x)).toDoubleArray());
  }

  @Test
  void gradients_go_through() {
    Tensor x = Tensor.randn(2, 3, 4, 5).requiresGrad_(true);
    x.to(CHANNELS_LAST).mul(arange(2, 3, 4, 5)).sum().backward();
    assertEquals(arange(2, 3, 4, 5).to(DType.FLOAT32).toString(), Objects.requireNonNull(x.grad()).toString());
    assertTrue(x.grad().isContiguous());
  }

  /// Whatever way the operand lies, so that it can be viewed by other sizes afterwards.
  @Test
  void results_are_row_major_where_they_are_in_pytorch() {
    Tensor index = Tensor.zeros(DType.INT64, 2, 3, 4, 5);
    Tensor mask = Tensor.randn(2, 3, 4, 5).gt(0);
    Map<String, UnaryOperator<Tensor>> calls = new LinkedHashMap<>();
    calls.put("softmax", x -> x.softmax(1));
    calls.put("log_softmax", x -> x.logSoftmax(-1));
    calls.put("logcumsumexp", x -> x.logcumsumexp(1));
    calls.put("masked_fill", x -> x.maskedFill(mask.to(CHANNELS_LAST), 0));
    calls.put("masked_scatter", x -> x.maskedScatter(mask, x));
    calls.put("tril", Tensor::tril);
    calls.put("triu", Tensor::triu);
    calls.put("scatter", x -> x.scatter(1, index, x));
    calls.put("scatter of a number", x -> x.scatter(1, index, 2));
    calls.put("scatter_add", x -> x.scatterAdd(1, index, x));
    calls.put("scatter_reduce", x -> x.scatterReduce(1, index, x, Reduce.MEAN, false));
    calls.put("index_add", x -> x.indexAdd(1, Tensor.of(0L), x.narrow(1, 0, 1)));
    calls.put("index_copy", x -> x.indexCopy(1, Tensor.of(0L), x.narrow(1, 0, 1)));
    calls.put("where", x -> Tensor.where(mask, x, x));
    for (Tensor x : List.of(Tensor.randn(2, 3, 4, 5), Tensor.randn(DType.FLOAT64, 2, 3, 4, 5))) {
      for (Tensor y : List.of(x.to(CHANNELS_LAST), x.permute(1, 0, 3, 2).contiguous().permute(1, 0, 3, 2))) {
        calls.forEach((name, call) -> {
          assertTrue(call.apply(y).isContiguous(), name);
          assertTrue(call.apply(x).allclose(call.apply(y)), name);
        });
        assertArrayEquals(y.strides(), y.indexFill(1, Tensor.of(0L), 2).strides());
        assertArrayEquals(y.strides(), y.indexPut(List.of(Index.of(Tensor.of(0L))), y.get(1), false).strides());
        assertArrayEquals(y.strides(), Tensor.where(y.gt(0), x, y).strides(), "as the condition");
      }
    }
  }

  private static void assertClose(Tensor expected, Tensor actual, double tolerance, String what) {
    double difference = expected.detach().sub(actual.detach()).abs().amax().toDouble();
    assertTrue(difference <= tolerance * expected.detach().abs().amax().toDouble(), () -> what + " differs by " + difference);
  }

  private static Sequential network() {
    return new Sequential(new Conv2d(16, 32, 3, ConvOptions.of().padding(1), false), new BatchNorm2d(32), new ReLU(), new MaxPool2d(2),
        new Conv2d(32, 16, 1, ConvOptions.of(), false), new BatchNorm2d(16), new ReLU());
  }

  @Test
  void a_module_keeps_its_tensors_and_its_results_and_its_gradients() {
    Sequential plain = network();
    Sequential last = network();
    last.loadStateDict(plain.stateDict());
    Tensor weight = last.parameters().getFirst();
    assertSame(last, last.to(CHANNELS_LAST));
    assertSame(weight, last.parameters().getFirst());
    assertTrue(weight.isContiguous(CHANNELS_LAST));
    Tensor x = Tensor.randn(2, 16, 10, 6);
    Tensor expected = plain.call(x);
    Tensor y = last.call(x);
    assertTrue(y.isContiguous(CHANNELS_LAST), "the weights' format is the result's");
    assertNotSame(MemoryFormat.CONTIGUOUS, MemoryFormat.ofImages(y));
    assertClose(expected, y, 1e-5, "result");
    expected.square().sum().backward();
    y.square().sum().backward();
    for (int i = 0; i < plain.parameters().size(); i++) {
      Tensor parameter = last.parameters().get(i);
      Tensor grad = Objects.requireNonNull(parameter.grad());
      assertClose(Objects.requireNonNull(plain.parameters().get(i).grad()), grad, 1e-4, "gradient " + i);
      assertArrayEquals(parameter.strided().strides(), grad.strided().strides(), "a gradient lies as its parameter");
    }
  }

  @Test
  void images_stay_as_they_lie_where_they_do_in_pytorch() {
    Tensor x = Tensor.randn(2, 4, 5, 6).to(CHANNELS_LAST).requiresGrad_(true);
    Tensor weight = Tensor.randn(4);
    Tensor y = Functional.groupNorm(x, 2, weight, weight, 1e-5);
    assertEquals("NativeGroupNormBackward0", Objects.requireNonNull(y.gradFn()).name());
    assertArrayEquals(longs("120 1 24 4"), y.strides());
    Tensor plain = x.detach().contiguous().requiresGrad_(true);
    Tensor expected = Functional.groupNorm(plain, 2, weight, weight, 1e-5);
    assertClose(expected, y, 1e-6, "group norm");
    expected.square().sum().backward();
    assertArrayEquals(longs("120 1 24 4"), Autograd.grad(y.square().sum(), List.of(x), BackwardOption.RETAIN_GRAPH).getFirst().strides());
    y.square().sum().backward();
    assertClose(Objects.requireNonNull(plain.grad()), Objects.requireNonNull(x.grad()), 1e-5, "its gradient");
    assertArrayEquals(longs("4 1 4 4"), Functional.groupNorm(Tensor.randn(1, 4, 1, 1).to(CHANNELS_LAST), 1, null, null, 1e-5).strides());

    assertTrue(Functional.pixelShuffle(x, 2).isContiguous(CHANNELS_LAST));
    assertTrue(Functional.adaptiveMaxPool2d(x, 2, 2).values().isContiguous(CHANNELS_LAST));
    assertArrayEquals(longs("6 1 3 3"), Tensor.randn(2, 3, 2, 1).contiguous(CHANNELS_LAST).relu().mul(2).strides());
    assertTrue(Tensor.cat(List.of(x, x.narrow(2, 0, 2)), 2).isContiguous(CHANNELS_LAST));
    assertTrue(x.roll(1, 1).isContiguous(CHANNELS_LAST));
    assertTrue(Tensor.cat(List.of(x, x.contiguous()), 1).isContiguous());
    assertTrue(Tensor.stack(List.of(x.narrow(0, 0, 1).select(1, 0), x.narrow(0, 0, 1).select(1, 1)), 1).isContiguous());
    assertTrue(Functional.pad(x, PaddingMode.REFLECT, 1, 1, 1, 1).isContiguous(CHANNELS_LAST));
    assertTrue(Functional.pad(x, PaddingMode.CIRCULAR, 1, 1, 1, 1).isContiguous());
  }

  /// By PyTorch: `torch.stack([x, x], dim).stride()`.
  @ParameterizedTest
  @CsvSource({"0, 120 60 1 15 3", "1, 120 3 1 30 6", "2, 120 1 60 15 3", "3, 120 1 30 15 3", "4, 120 40 10 2 1"})
  void stacked_images_keep_their_channels_innermost_unless_they_alternate(int dim, String strides) {
    Tensor plain = arange(2, 3, 4, 5);
    Tensor x = plain.to(CHANNELS_LAST);
    Tensor y = Tensor.stack(List.of(x, x.neg()), dim);
    assertArrayEquals(longs(strides), y.strides());
    assertEquals(Tensor.stack(List.of(plain, plain.neg()), dim).toString(), y.toString());
    assertTrue(Tensor.stack(List.of(x, plain), dim).isContiguous());
  }

  /// By PyTorch: `F.pixel_shuffle(x.to(memory_format=torch.channels_last), factor).stride()`.
  @ParameterizedTest
  @CsvSource({"2 8 3 5, 2, 120 1 20 2", "2 8 3 5, 1, 120 1 40 8", "1 8 1 2, 2, 16 1 8 2", "2 4 3 1, 2, 12 1 2 1", "1 4 1 1, 2, 4 1 2 1"})
  void shuffled_pixels_keep_their_channels_innermost(String sizes, int factor, String strides) {
    Tensor plain = arange(longs(sizes));
    Tensor y = Functional.pixelShuffle(plain.to(CHANNELS_LAST), factor);
    assertArrayEquals(longs(strides), y.strides());
    assertEquals(Functional.pixelShuffle(plain, factor).toString(), y.toString());
  }

  @ParameterizedTest
  @EnumSource(names = {"NEAREST", "BILINEAR", "BICUBIC"})
  void resized_images_keep_their_channels_innermost(InterpolationMode mode) {
    for (long[] sizes : new long[][] {{7, 3}, {2, 9}, {4, 12}}) {
      Tensor x = Tensor.randn(2, 5, 4, 6).requiresGrad_(true);
      Tensor last = x.detach().to(CHANNELS_LAST).requiresGrad_(true);
      Tensor y = Functional.interpolate(x, mode, sizes);
      Tensor z = Functional.interpolate(last, mode, sizes);
      assertTrue(z.isContiguous(CHANNELS_LAST));
      assertClose(y, z, 1e-6, mode + " to " + Arrays.toString(sizes));
      Tensor grad = Tensor.randnLike(y.detach());
      y.backward(grad);
      z.backward(grad.to(CHANNELS_LAST));
      assertClose(Objects.requireNonNull(x.grad()), Objects.requireNonNull(last.grad()), 1e-6, "gradient of " + mode);
    }
  }

  @Test
  void row_major_weights_have_row_major_gradients_of_channels_last_images() {
    Conv2d conv = new Conv2d(4, 8, 3);
    Tensor x = Tensor.randn(2, 4, 9, 9);
    Tensor y = conv.call(x.to(CHANNELS_LAST));
    assertTrue(y.isContiguous(CHANNELS_LAST));
    y.sum().backward();
    assertTrue(Objects.requireNonNull(conv.weight().grad()).isContiguous());
  }

  @Test
  void another_device_keeps_the_format() {
    try (SecondDevice second = SecondDevice.open()) {
      Tensor x = arange(2, 3, 4, 5).to(CHANNELS_LAST);
      Tensor there = x.to(second.device());
      assertTrue(there.isContiguous(CHANNELS_LAST));
      assertEquals(x.toString(), there.cpu().toString());
      assertTrue(there.cpu().isContiguous(CHANNELS_LAST));
      Tensor part = x.narrow(2, 1, 2);
      assertTrue(part.to(second.device()).isContiguous(), "with gaps it becomes row-major");
      assertEquals(part.toString(), part.to(second.device()).cpu().toString());
    }
  }

  @Test
  void the_gradient_of_what_was_overwritten_in_places_lies_as_it_came() {
    Tensor x = Tensor.randn(2, 3, 4, 5).to(CHANNELS_LAST).requiresGrad_(true);
    Tensor y = x.indexPut(List.of(Index.of(Tensor.of(1L, 0L))), Tensor.zeros(1), false);
    Tensor grad = Autograd.grad(List.of(y), List.of(x), List.of(Tensor.ones(2, 3, 4, 5).to(CHANNELS_LAST))).getFirst();

    assertTrue(grad.isContiguous(CHANNELS_LAST));
  }

  /// As queries, keys and values in one projection, of which one part may be left unused.
  @Test
  void the_gradient_of_parts_lies_as_what_was_taken_apart() {
    Tensor projection = Tensor.randn(2, 5, 12).requiresGrad_(true);
    Tensor split = projection.view(2, 5, 3, 2, 2).permute(2, 0, 3, 1, 4);
    for (int used : new int[] {3, 2}) {
      List<Tensor> parts = split.unbind(0);
      Tensor factor = Tensor.arange(40).to(DType.FLOAT32).view(2, 2, 5, 2);
      Tensor loss = parts.getFirst().mul(factor).sum().add(parts.get(1).square().sum());
      loss = used == 3 ? loss.add(parts.get(2).sum()) : loss;

      Tensor grad = Autograd.grad(loss, List.of(split)).getFirst();

      assertArrayEquals(split.strides(), grad.strides());
      assertEquals(factor.toString(), grad.select(0, 0).contiguous().toString());
      assertEquals(parts.get(1).detach().mul(2).contiguous().toString(), grad.select(0, 1).contiguous().toString());
      assertEquals(used == 3 ? 40f : 0f, grad.select(0, 2).sum().item());
    }
  }
}
