package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.LongStream;
import org.flambeau.BackendException;
import org.flambeau.DType;
import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.backend.cuda.CudnnOperation.Direction;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Which of cuDNN's plans are made, tried, kept and dropped, on the simulated GPU, whose cuDNN proposes for float32 engines that are not
/// repeatable, of tensor cores, by two transforms, and exact.
class CudnnPlansTest extends KernelTest {
  private static final int TENSOR_CORE = 1;
  private static final int EXACT = 2;
  private static final int WINOGRAD = 3;
  private static final int FFT = 4;
  private static final int BAD_PARAM = 2000;
  private static final int[] ALL = {0, 1, 2, 3, 4};

  /// Descriptors that a plan which is kept holds: its own and its engine's.
  private static final int EACH = 2;
  private static final ConvSpec SPEC = new ConvSpec(1, 1, 0, 0, 1, 1, 1);

  private Gpu fresh;
  private DeviceArrays numbers;

  @BeforeEach
  void forgetChoices() {
    numbers = onFreshGpu();
    fresh = numbers.gpu;
  }

  @AfterEach
  void letEveryEngineWorkAgain() {
    SimulatedDriver.cudnnRefuses(false);
    SimulatedDriver.cudnnSupportsNo();
    SimulatedDriver.cudnnFails();
    SimulatedDriver.cudnnTakes();
    SimulatedDriver.cudnnPlansFor(0);
  }

  /// A product of a matrix of ones with a row of them, as a convolution of as many channels.
  private final class Ones {
    final int channels;
    final Strided x;
    final Strided weight;
    final Strided out;

    Ones(int channels, int pixels, int kernels) {
      this.channels = channels;
      this.x = ones(1, channels, 1, pixels);
      this.weight = ones(kernels, channels, 1, 1);
      this.out = numbers.empty(DType.FLOAT32, 1, kernels, 1, pixels);
    }

    private Strided ones(long... sizes) {
      double[] values = new double[(int) Strided.numel(sizes)];
      Arrays.fill(values, 1);
      return numbers.of(DType.FLOAT32, sizes, values);
    }

    Ones run() {
      fresh.kernels().conv2d(out, x, weight, null, SPEC);
      return this;
    }

    void check() {
      double[] expected = new double[(int) out.numel()];
      Arrays.fill(expected, channels);
      assertArrayEquals(expected, numbers.read(out), channels * 1e-3);
    }
  }

  /// Worth trying.
  private Ones large() {
    return new Ones(1024, 256, 256);
  }

  private Ones small() {
    return new Ones(8, 4, 4);
  }

  private static long planned(Runnable work) {
    long before = SimulatedDriver.cudnnPlans();
    work.run();
    return SimulatedDriver.cudnnPlans() - before;
  }

  // ---- choosing ----

  @Test
  void theFastestPlanIsKeptAndTheOthersAreClosed() {
    SimulatedDriver.cudnnTakes(0, 60_000, 60_000, 30_000, 40_000);
    long before = SimulatedDriver.cudnnDescriptors();
    Ones work = large();

    assertEquals(4, planned(work::run));
    work.check();
    assertEquals(WINOGRAD, SimulatedDriver.cudnnEngine());
    assertEquals(before + EACH, SimulatedDriver.cudnnDescriptors());
    assertEquals(0, planned(work::run));
  }

  @Test
  void whatIsHardlyFasterIsNotPreferred() {
    SimulatedDriver.cudnnTakes(0, 6_000_000, 6_000_000, 5_900_000, 5_890_000);
    large().run();
    assertEquals(TENSOR_CORE, SimulatedDriver.cudnnEngine());
  }

  @Test
  void workThatIsOverAtOnceIsDoneByTheFirstPlan() {
    SimulatedDriver.cudnnTakes(0, 60_000, 0, 0, 0);
    assertEquals(1, planned(() -> small().run()));
    assertEquals(TENSOR_CORE, SimulatedDriver.cudnnEngine());
  }

  @Test
  void noMorePlansAreMadeToBeTriedOnceThatHasTakenLong() {
    SimulatedDriver.cudnnPlansFor(1100);
    assertEquals(1, planned(() -> large().run().check()));
  }

  @Test
  void allContextsOfAGpuUseTheSamePlanAndEachMakesItForItself() {
    SimulatedDriver.cudnnTakes(0, 60_000, 60_000, 30_000, 40_000);
    var pool = new CudnnContext.Pool(fresh);
    var plans = new CudnnPlans(fresh);
    Ones work = large();
    long[] tensors = {work.x.address(), work.weight.address(), work.out.address()};
    var request = Convolutions.Request.of(Direction.FORWARD, work.x, work.weight, work.out, Epilogue.NONE, SPEC);
    try (CudnnContext first = pool.take(); CudnnContext second = pool.take()) {
      assertEquals(4, planned(() -> plans.run(first, request, tensors)));
      SimulatedDriver.cudnnTakes(0, 0, 0, 60_000, 60_000); // who tried again would find another
      assertEquals(1, planned(() -> plans.run(second, request, tensors)));
    }
    assertEquals(WINOGRAD, SimulatedDriver.cudnnEngine());
    work.check();
  }

  // ---- failing ----

  @Test
  void aPlanThatFailsWhenItIsTriedCountsAsSlow() {
    SimulatedDriver.cudnnFails(TENSOR_CORE, WINOGRAD);
    SimulatedDriver.cudnnTakes(0, 0, 60_000, 0, 0);
    long before = SimulatedDriver.cudnnDescriptors();

    large().run().check();

    assertEquals(FFT, SimulatedDriver.cudnnEngine());
    assertEquals(before + EACH, SimulatedDriver.cudnnDescriptors());
  }

  @Test
  void aPlanThatFailsLaterGivesWayToAnotherForGood() {
    Ones work = small().run();
    assertEquals(TENSOR_CORE, SimulatedDriver.cudnnEngine());
    long before = SimulatedDriver.cudnnDescriptors();

    SimulatedDriver.cudnnFails(TENSOR_CORE, WINOGRAD, FFT);
    work.run().check();
    assertEquals(EXACT, SimulatedDriver.cudnnEngine());
    SimulatedDriver.cudnnFails();
    work.run().check();

    assertEquals(EXACT, SimulatedDriver.cudnnEngine());
    assertEquals(before, SimulatedDriver.cudnnDescriptors());
  }

  /// BAD_PARAM, NOT_SUPPORTED, INTERNAL_ERROR.
  @ParameterizedTest
  @ValueSource(ints = {2000, 3000, 4000})
  void whateverTheStatusAPlanThatFailsGivesWay(int status) {
    SimulatedDriver.cudnnFailsWith(status, TENSOR_CORE, WINOGRAD);
    SimulatedDriver.cudnnTakes(0, 0, 60_000, 0, 0);

    small().run().check();
    assertEquals(FFT, SimulatedDriver.cudnnEngine());
    large().run().check();
    assertEquals(FFT, SimulatedDriver.cudnnEngine());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatEveryPlanFindsWrongIsThrownAndNothingIsLeaked(boolean worthTrying) {
    Ones work = worthTrying ? large() : small();
    SimulatedDriver.cudnnFailsWith(BAD_PARAM, ALL);
    long before = SimulatedDriver.cudnnDescriptors();
    long questions = SimulatedDriver.cudnnQuestions();

    String fault = String.valueOf(assertThrows(BackendException.class, work::run).getMessage());

    assertTrue(fault.startsWith("[cudnnBackendExecute] CUDNN_STATUS_BAD_PARAM (2000): engine "), fault);
    assertEquals(questions, SimulatedDriver.cudnnQuestions(), "the legacy API is not asked");
    assertEquals(before, SimulatedDriver.cudnnDescriptors());
    SimulatedDriver.cudnnFails();
    work.run().check();
  }

  // ---- without memory for a workspace, which two of four plans need ----

  private void withoutMemory(Runnable work) {
    fresh.allocator().emptyCache();
    try (var _ = SimulatedDriver.shortage(0)) {
      work.run();
      assertEquals(0, Driver.memGetInfo().free(), "nothing was had, and nothing is leaked");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aPlanWhoseWorkspaceCannotBeHadGivesWayWhileThatIsSo(boolean worthTrying) {
    SimulatedDriver.cudnnTakes(0, 60_000, 60_000, 30_000, 60_000);
    Ones work = (worthTrying ? large() : small()).run();
    int chosen = worthTrying ? WINOGRAD : TENSOR_CORE;
    assertEquals(chosen, SimulatedDriver.cudnnEngine());
    long descriptors = SimulatedDriver.cudnnDescriptors();

    withoutMemory(() -> {
      work.run().check();
      assertEquals(FFT, SimulatedDriver.cudnnEngine());
      assertEquals(0, planned(() -> work.run().check()));
    });
    assertEquals(descriptors + EACH, SimulatedDriver.cudnnDescriptors());
    assertEquals(0, planned(() -> work.run().check()));
    assertEquals(chosen, SimulatedDriver.cudnnEngine());
  }

  @Test
  void aTrialPassesOverPlansWhoseWorkspaceCannotBeHad() {
    SimulatedDriver.cudnnTakes(0, 0, 60_000, 0, 0);
    Ones work = large();
    long descriptors = SimulatedDriver.cudnnDescriptors();
    withoutMemory(() -> work.run().check());
    assertEquals(FFT, SimulatedDriver.cudnnEngine());
    assertEquals(descriptors + EACH, SimulatedDriver.cudnnDescriptors());
    assertEquals(0, planned(() -> work.run().check()));
  }

  /// As long as there is none; the legacy API is asked last. The plans and the algorithm that need none fail.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whereNobodysWorkspaceCanBeHadTheCallFailsAndTheNextIsDoneByAPlan(boolean worthTrying) {
    Ones work = worthTrying ? large() : small();
    SimulatedDriver.cudnnFails(EXACT, FFT);
    SimulatedDriver.cudnnRefuses(false, LegacyConvolutionTest.FORWARD_BY_PRODUCTS);
    SimulatedDriver.cudnnTakes(0, 0, 0, 60_000, 0);
    long questions = SimulatedDriver.cudnnQuestions();
    withoutMemory(() -> assertThrows(DeviceOutOfMemoryException.class, work::run));
    assertTrue(SimulatedDriver.cudnnQuestions() > questions);

    work.run().check();
    assertEquals(TENSOR_CORE, SimulatedDriver.cudnnEngine());
  }

  @Test
  void whatIsOnlyCachedIsRoomForAWorkspace() throws Exception {
    long each = 30 << 20;
    long first = fresh.allocator().allocate(each);
    long second = fresh.allocator().allocate(each);
    withoutMemory(() -> {
      fresh.allocator().free(first, each);
      fresh.allocator().free(second, each);
      try (Workspace workspace = Workspace.ifThereIsRoom(fresh, 2 * each)) {
        assertNotNull(workspace);
        assertNull(Workspace.ifThereIsRoom(fresh, 2 * each));
      }
    });
  }

  @Test
  void aGraphIsCapturedAlthoughAPlansWorkspaceCannotBeHad() {
    Ones work = small();
    try (var _ = SimulatedDriver.shortage(0); Capture graph = Capture.of(fresh, work::run)) {
      graph.replay();
      work.check();
      assertEquals(FFT, SimulatedDriver.cudnnEngine());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whereEveryPlanFailsTheLegacyApiDoesIt(boolean worthTrying) {
    SimulatedDriver.cudnnFails(ALL);
    long before = SimulatedDriver.cudnnDescriptors();
    long questions = SimulatedDriver.cudnnQuestions();

    (worthTrying ? large() : small()).run().check();

    assertTrue(SimulatedDriver.cudnnQuestions() > questions);
    assertEquals(before, SimulatedDriver.cudnnDescriptors());
  }

  /// Convolutions, forward; tensors; operation graphs.
  @ParameterizedTest
  @ValueSource(ints = {CudnnDescriptor.CONVOLUTION_FORWARD, CudnnDescriptor.TENSOR, CudnnDescriptor.OPERATION_GRAPH})
  void whatCannotEvenBeDescribedTheLegacyApiDoes(int kind) {
    SimulatedDriver.cudnnSupportsNo(kind);
    long before = SimulatedDriver.cudnnDescriptors();
    long questions = SimulatedDriver.cudnnQuestions();

    small().run().check();

    assertTrue(SimulatedDriver.cudnnQuestions() > questions);
    assertEquals(before, SimulatedDriver.cudnnDescriptors());
  }

  @Test
  void attentionThatCudnnCannotDescribeIsDoneByAnOwnKernel() {
    SimulatedDriver.cudnnSupportsNo(CudnnDescriptor.MATMUL_OPERATION);
    Strided v = numbers.of(DType.FLOAT16, new long[] {1, 1, 1, 8}, 1, 2, 3, 4, 5, 6, 7, 8);
    Strided out = numbers.empty(DType.FLOAT16, 1, 1, 1, 8);
    assertEquals(0, planned(() -> fresh.kernels().attention(out, numbers.empty(DType.FLOAT32, 1, 1, 1), v, v, v, 1, false)));
    assertArrayEquals(new double[] {1, 2, 3, 4, 5, 6, 7, 8}, numbers.read(out));
  }

  // ---- while a graph is captured ----

  @Test
  void whatWasFirstMetInACaptureIsTriedByWhoComesLater() {
    SimulatedDriver.cudnnTakes(0, 60_000, 60_000, 30_000, 40_000);
    Ones work = large();
    try (Capture graph = Capture.of(fresh, work::run)) {
      assertEquals(TENSOR_CORE, SimulatedDriver.cudnnEngine());
      assertEquals(4, planned(work::run));
      assertEquals(WINOGRAD, SimulatedDriver.cudnnEngine());
      graph.replay();
      work.check();
    }
  }

  @Test
  void aPlanThatFailsInACaptureEndsIt() {
    Ones work = small().run();
    SimulatedDriver.cudnnFails(TENSOR_CORE);
    var failure = assertThrows(BackendException.class, () -> Capture.of(fresh, work::run));
    assertTrue(failure.toString().contains("[cudnnBackendExecute] CUDNN_STATUS_EXECUTION_FAILED (5000): engine 1 fails"),
        failure::toString);
  }

  /// More convolutions than plans are kept for.
  @Test
  void aPlanLivesAsLongAsTheGraphThatItIsPartOf() {
    Ones work = small();
    long before = SimulatedDriver.cudnnDescriptors();
    try (Capture graph = Capture.of(fresh, work::run)) {
      LongStream.rangeClosed(5, 1010).forEach(pixels -> new Ones(1, (int) pixels, 1).run());
      graph.replay();
      work.check();
      assertEquals(before + EACH * 1001, SimulatedDriver.cudnnDescriptors());
    }
    assertEquals(before + EACH * 1000, SimulatedDriver.cudnnDescriptors());
  }

  /// The stream that was captured from is gone afterwards, and the next may have the same handle.
  @Test
  void eachCaptureNamesItsStreamAnew() {
    Ones work = small().run();
    long before = SimulatedDriver.cudnnStreams();
    for (int i = 1; i <= 3; i++) {
      Capture.of(fresh, work::run).close();
      assertEquals(before + i, SimulatedDriver.cudnnStreams());
    }
    work.run().check();
    assertEquals(before + 4, SimulatedDriver.cudnnStreams());
  }
}
