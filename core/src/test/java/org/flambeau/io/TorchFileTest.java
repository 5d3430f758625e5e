package org.flambeau.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.flambeau.spi.NativeMemory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Files of PyTorch were made by core/src/test/goldens/torch_files.py.
class TorchFileTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"zip", "protocol5", "legacy"})
  void readsWhatPyTorchWrote(String name) throws IOException {
    assertEquals(text("tree.txt"), TreeText.of(TorchFile.load(reference(name + ".pth"))));
  }

  @Test
  void readsTheTarOfTheOldestReleases() throws IOException {
    Map<?, ?> tensors = map(TorchFile.load(reference("tar.pth")));
    assertEquals(text("tar.txt"), TreeText.of(tensors));
    assertSame(tensor(tensors.get("weight")).strided().storage(), tensor(tensors.get("part")).strided().storage());
  }

  @Test
  void readsWhatItWrote() throws IOException {
    Object tree = TorchFile.load(reference("zip.pth"));
    Path file = folder.resolve("ours.pth");
    TorchFile.save(file, tree);
    assertEquals(text("tree.txt"), TreeText.of(TorchFile.load(file)));
    Path again = folder.resolve("again.pth");
    TorchFile.save(again, TorchFile.load(file));
    assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(again));
  }

  @Test
  void tellsTheVersionOfModules() {
    assertEquals(Map.of("", 1L, "0", 1L, "1", 2L), TorchFile.loadState(reference("zip.pth")).versions());
    assertEquals(Map.of(), TorchFile.loadState(reference("tar.pth")).versions());
  }

  @Test
  void takesTheStateOutOfATrainingCheckpoint() {
    Map<String, Tensor> state = TorchFile.loadTensors(reference("zip.pth"));
    assertEquals(List.of("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"),
        List.copyOf(state.keySet()));
  }

  @Test
  void tensorsThatShareMemoryInTheFileShareItHereAndInWhatIsWritten() {
    Object tree = TorchFile.load(reference("zip.pth"));
    for (int round = 0; round < 2; round++) {
      Map<?, ?> map = map(tree);
      Tensor base = tensor(map.get("base"));
      assertSame(base.strided().storage(), tensor(map.get("transposed")).strided().storage());
      assertSame(base.strided().storage(), tensor(map.get("row")).strided().storage());
      assertSame(base, ((List<?>) Objects.requireNonNull(map.get("tied"))).get(1));
      assertNotSame(base.strided().storage(), tensor(map.get("large")).strided().storage());
      Path file = folder.resolve("shared.pth");
      TorchFile.save(file, tree);
      tree = TorchFile.load(file);
    }
  }

  @Test
  void changingATensorInPlaceLeavesTheFileAlone() throws IOException {
    Path file = folder.resolve("own.pth");
    Files.copy(reference("zip.pth"), file);
    byte[] before = Files.readAllBytes(file);
    Tensor large = tensor(map(TorchFile.load(file)).get("large"));
    assertTrue(large.strided().storage().isForeign());
    large.toSegment().set(NativeMemory.FLOAT, 0, 7);
    assertEquals(7, large.toSegment().get(NativeMemory.FLOAT, 0));
    assertArrayEquals(before, Files.readAllBytes(file));
    assertEquals(0, tensor(map(TorchFile.load(file)).get("large")).toSegment().get(NativeMemory.FLOAT, 0));
  }

  @Test
  void aTensorOutlivesTheReplacementOfItsFile() throws IOException {
    Path file = folder.resolve("replaced.pth");
    Files.copy(reference("zip.pth"), file);
    Tensor large = tensor(map(TorchFile.load(file)).get("large"));
    TorchFile.save(file, Map.of("something", "else"));
    assertEquals(1999, large.toSegment().get(NativeMemory.FLOAT, 1999 * 4));
  }

  @Test
  void aFileThatMayNotBeWrittenIsReadTheSame() throws IOException {
    Path file = folder.resolve("readonly.pth");
    Files.copy(reference("zip.pth"), file);
    assertTrue(file.toFile().setReadOnly());
    Tensor large = tensor(map(TorchFile.load(file)).get("large"));
    large.toSegment().set(NativeMemory.FLOAT, 0, 7);
    assertEquals(text("tree.txt"), TreeText.of(TorchFile.load(file)));
  }

  @Test
  void aFileThatCannotBeWrittenIsNamed() {
    Path file = folder.resolve("no such folder").resolve("x.pth");
    String message = assertThrows(CheckpointException.class, () -> TorchFile.save(file, "x")).getMessage();
    assertTrue(Objects.requireNonNull(message).startsWith(file + ": could not be written: "), message);
  }

  @Test
  void sizesOfZip64AreRead() throws IOException {
    String latin = Pickles.latin(Pickles.checkpoint("K\3"));
    int entry = latin.indexOf("PK\1\2", latin.indexOf("PK\1\2") + 1);
    int end = latin.indexOf("PK\5\6");
    String none = Pickles.int32(-1);
    String patched = latin.substring(0, entry + 20) + none + none + latin.substring(entry + 28, entry + 30) + "\u001c\0" + latin.substring(
        entry + 32, entry + 42) + none + latin.substring(entry + 46, end) + "\1\0\u0018\0" + Pickles.int64(16) + Pickles.int64(16)
        + Pickles.int64(latin.indexOf("PK\3\4", 1)) + latin.substring(end, end + 12) + Pickles.int32(end - latin.indexOf("PK\1\2") + 28)
        + latin.substring(end + 16);
    Path file = Files.write(folder.resolve("zip64.pth"), Pickles.bytes(patched));
    assertEquals(3L, TorchFile.load(file));
  }

  @Test
  void writesOnlyThePartOfAStorageThatIsShown() throws IOException {
    Path file = folder.resolve("part.pth");
    try (var arena = Arena.ofConfined()) {
      Tensor matrix = Tensor.overSegment(arena.allocate(4_000_000, 8), DType.FLOAT32, 1000, 1000);
      Tensor row = Tensor.wrap(matrix.strided().with(5_000, new long[] {1000}, new long[] {1}),
          ThreadState.current());
      row.toSegment().fill((byte) 1);
      TorchFile.save(file, row);
      assertTrue(Files.size(file) < 10_000);
      assertArrayEquals(TreeText.bytes(row), TreeText.bytes(tensor(TorchFile.load(file))));
    }
  }

  @Test
  void javasNumbersAndCollectionsBecomePythons() throws IOException {
    Path file = folder.resolve("java.pth");
    var map = new LinkedHashMap<String, Object>();
    map.put("numbers", Arrays.asList(1, (short) 2, (byte) 3, 4L, 1.5f, 2.5, null));
    map.put("immutable", List.of(Map.of("a", Set.of(1L))));
    var state = new OrderedDict();
    state.setVersion("bn", 2);
    map.put("state", state);
    TorchFile.save(file, map);
    assertEquals("""
         dict 3
        /numbers list 7
        /numbers/0 1
        /numbers/1 2
        /numbers/2 3
        /numbers/3 4
        /numbers/4 float 3ff8000000000000
        /numbers/5 float 4004000000000000
        /numbers/6 None
        /immutable list 1
        /immutable/0 dict 1
        /immutable/0/a set [1]
        /state OrderedDict 0
        /state/. dict 1
        /state/./_metadata OrderedDict 1
        /state/./_metadata/bn dict 1
        /state/./_metadata/bn/version 2
        """, TreeText.of(TorchFile.load(file)));
  }

  @Test
  void whatACheckpointCannotHoldIsRefusedBeforeAnythingIsWritten() {
    Path file = folder.resolve("never.pth");
    var itself = new ArrayList<Object>();
    itself.add(itself);
    for (Object tree : List.of(Path.of("x"), List.of(Map.of(List.of(), 1)), itself, "\ud800")) {
      String message = assertThrows(IllegalArgumentException.class, () -> TorchFile.save(file, tree)).getMessage();
      assertTrue(Objects.requireNonNull(message).startsWith("[save] expected "), message);
    }
    assertTrue(Files.notExists(file));
  }

  @Test
  void aFileWithoutChecksumsIsRead() {
    assertEquals(3, tensor(map(TorchFile.load(reference("nochecksums.pth"))).get("a")).numel());
  }

  @Test
  void aTorchScriptProgramIsCalledByItsName() {
    String message = assertThrows(CheckpointException.class, () -> TorchFile.load(reference("script.pt"))).getMessage();
    assertTrue(
        Objects.requireNonNull(message)
            .endsWith("is a TorchScript program, which torch.jit.save wrote: expected a checkpoint that torch.save wrote"),
        message);
  }

  private static Map<?, ?> map(@Nullable Object tree) {
    return (Map<?, ?>) Objects.requireNonNull(tree);
  }

  private static Tensor tensor(@Nullable Object value) {
    return (Tensor) Objects.requireNonNull(value);
  }

  static Path reference(String name) {
    return Path.of(Objects.requireNonNull(TorchFileTest.class.getResource(name)).getPath());
  }

  private static String text(String name) throws IOException {
    try (InputStream in = Objects.requireNonNull(TorchFileTest.class.getResourceAsStream(name))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
