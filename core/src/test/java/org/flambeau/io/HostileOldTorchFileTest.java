package org.flambeau.io;

import static org.flambeau.io.Pickles.int32;
import static org.flambeau.io.Pickles.int64;
import static org.flambeau.io.Pickles.latin;
import static org.flambeau.io.Pickles.legacy;
import static org.flambeau.io.Pickles.legacyHead;
import static org.flambeau.io.Pickles.legacyStorage;
import static org.flambeau.io.Pickles.number;
import static org.flambeau.io.Pickles.numbers;
import static org.flambeau.io.Pickles.pickle;
import static org.flambeau.io.Pickles.tar;
import static org.flambeau.io.Pickles.tensor;
import static org.flambeau.io.Pickles.text;
import static org.flambeau.io.Pickles.tuple;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The legacy stream and the oldest tar are refused in the same way as the zip where they are not what they should be.
class HostileOldTorchFileTest {
  private static final String FLOATS = tensor(legacyStorage("0", 2, "N"), 0, numbers(2), numbers(1));
  private static final String KEYS = "]" + text("0") + "a";
  private static final String TWO = int64(2) + "\0\0\0\0\0\0\u0080\u003f";
  private static final String TYPE = "ctorch\nFloatStorage\n";
  private static final String INFO = pickle("}" + text("little_endian") + "\u0088s");
  private static final String STORAGES = pickle("K\1") + pickle(tuple("K\7", text("cpu"), TYPE)) + TWO;
  private static final String TENSORS = pickle("K\1") + pickle(tuple("K\u0009", "K\7", "ctorch\nFloatTensor\n"));
  private static final String LAYOUT = int32(1) + int32(0) + int64(2) + int64(1) + int64(0);

  @TempDir Path folder;

  // ---- the stream ----

  @Test
  void theFilesOfTheseTestsAreReadWhereNothingIsWrongWithThem() throws IOException {
    byte[] expected = Pickles.bytes(TWO.substring(8));
    assertArrayEquals(expected, TreeText.bytes(loaded(legacy(FLOATS, KEYS, TWO))));
    assertArrayEquals(expected, TreeText.bytes(loaded(oldest(STORAGES + pickle("]"), TENSORS + LAYOUT, "K\u0009Q"))));
    String view = tensor(legacyStorage("0", 2, tuple(text("1"), number(1), number(1))), 0, numbers(1), numbers(1));
    assertArrayEquals(Pickles.bytes("\0\0\u0080\u003f"), TreeText.bytes(loaded(legacy(view, KEYS, TWO))));
    assertArrayEquals(expected, TreeText.bytes(loaded(oldest(STORAGES + pickle("]"), TENSORS + LAYOUT, text("9") + "Q"))));
  }

  @Test
  void aStorageThatWasNeverWrittenIsRefused() throws IOException {
    assertRefused("expected the bytes of storage \"0\" behind the pickles, got none", legacy(FLOATS, "]", ""));
  }

  @Test
  void storagesThatDoNotFitTheListAreRefused() throws IOException {
    assertRefused("expected each storage of the checkpoint once, got the string \"1\", which no tensor shows",
        legacy(FLOATS, "]" + text("1") + "a", TWO));
    assertRefused("expected each storage of the checkpoint once, got the string \"0\" again",
        legacy(FLOATS, "](" + text("0") + text("0") + "e", TWO + TWO));
    assertRefused("expected a list of storages behind the checkpoint's pickle, got None", legacy(FLOATS, "N", TWO));
    assertRefused("expected 2 elements in storage \"0\", got 9223372036854775807", legacy(FLOATS, KEYS, int64(Long.MAX_VALUE)));
    assertRefused("expected 2 elements in storage \"0\", got -1", legacy(FLOATS, KEYS, int64(-1)));
  }

  @Test
  void aStorageOfMoreThanTheFileHoldsIsRefused() throws IOException {
    byte[] file = legacy(tensor(legacyStorage("0", 1L << 40, "N"), 0, numbers(2), numbers(1)), KEYS, int64(1L << 40));
    assertRefused("expected 4398046511104 more bytes at " + file.length + " of the file, got its end at " + file.length, file);
  }

  @Test
  void viewsStayWithinTheirStorage() throws IOException {
    for (long[] view : new long[][] {{1, 2}, {-1, 1}, {0, -1}, {Long.MAX_VALUE, 1}, {0, 3}}) {
      String storage = legacyStorage("0", 2, tuple(text("1"), number(view[0]), number(view[1])));
      assertRefused("expected a view within storage \"0\" of 2 elements, got " + view[1] + " from " + view[0],
          legacy(tensor(storage, 0, numbers(1), numbers(1)), KEYS, TWO));
    }
    assertRefused("expected a view's key, offset and size, got the number 1",
        legacy(tensor(legacyStorage("0", 2, "K\1"), 0, numbers(1), numbers(
            1)), KEYS, TWO));
  }

  @Test
  void aHeadThatIsNoneIsRefused() throws IOException {
    assertRefused("expected a checkpoint that torch.save wrote, got a pickle of the number 1", Pickles.bytes(pickle("K\1")));
    assertRefused("refuses posix.system: a checkpoint may hold tensors of Flambeau's dtypes, collections, numbers and strings, and nothing "
        + "that runs", Pickles.bytes(pickle("cposix\nsystem\n" + tuple(text("id")) + "R")));
    assertRefused("expected the checkpoint's protocol to be 1001, got the number 1000",
        Pickles.bytes(latin(legacy(FLOATS, KEYS, TWO)).replace(
            number(1001), number(1000))));
    assertRefused("expected little-endian tensors, got the system where little_endian is False", Pickles.bytes(legacyHead("\u0089")));
    assertRefused("expected no tensors in this part of the file, got one", Pickles.bytes(pickle("NQ")));
  }

  // ---- the tar ----

  @ParameterizedTest
  @ValueSource(strings = {"sys_info", "pickle", "storages", "tensors"})
  void aTarWithoutAMemberIsRefused(String member) throws IOException {
    byte[] file = oldest(STORAGES + pickle("]"), TENSORS + LAYOUT, "K\u0009Q");
    byte[] other = Pickles.bytes(renamed(latin(file), member));
    assertRefused("expected a checkpoint of PyTorch's oldest format with a member " + member + ", got a tar without one", other);
  }

  /// In a header, of which the checksum stays, as the letters change places.
  private static String renamed(String tar, String member) {
    int at = tar.indexOf(member + "\0");
    String swapped = new StringBuilder(member).reverse().toString();
    return tar.substring(0, at) + swapped + tar.substring(at + member.length());
  }

  @Test
  void aTarThatLiesIsRefused() throws IOException {
    assertRefused("expected one tar member \"sys_info\", got two", tar("sys_info", INFO, "sys_info", INFO));
    byte[] file = oldest(STORAGES + pickle("]"), TENSORS + LAYOUT, "K\u0009Q");
    String latin = latin(file);
    assertRefused("expected a tar member's header at 1024, got other bytes",
        Pickles.bytes(latin.substring(0, 1024) + "x" + latin.substring(1025)));
    assertRefused("expected 24 bytes for tar member \"sys_info\" at 512, got a file that ends at 520", Arrays.copyOf(file, 520));
  }

  @Test
  void storagesOfATarThatAreNoneAreRefused() throws IOException {
    assertRefused("expected a number of entries, got the number -1", oldest(pickle("J" + int32(-1)), "", ""));
    assertRefused("expected 1 more bytes at 8 of storages, got its end at 8", oldest(pickle("J" + int32(Integer.MAX_VALUE)), "", ""));
    assertRefused("expected a storage's key, location and type, got None", oldest(pickle("K\1") + pickle("N"), "", ""));
    assertRefused("expected one storage 7, got two", oldest(pickle("K\2") + STORAGES.substring(5) + STORAGES.substring(5), "", ""));
    assertRefused("expected a number of elements for storage \"7\", got -1", oldest(STORAGES.replace(TWO, int64(-1)), "", ""));
    assertRefused("expected a view within storage \"7\" of 2 elements, got 2 from 1",
        oldest(STORAGES + pickle("]" + tuple("K\1", "K\7", "K\1", "K\2") + "a"), "", ""));
    assertRefused("expected a storage 8, got none", oldest(STORAGES + pickle("]" + tuple("K\1", "K\u0008", "K\1", "K\1") + "a"), "", ""));
    assertRefused("expected a view's key, storage, offset and size, got None", oldest(STORAGES + pickle("]Na"), "", ""));
    assertRefused("expected a list of views behind the storages, got None", oldest(STORAGES + pickle("N"), "", ""));
  }

  @Test
  void tensorsOfATarThatAreNoneAreRefused() throws IOException {
    String storages = STORAGES + pickle("]");
    assertRefused("expected at most 64 dimensions, got 65", oldest(storages, TENSORS + int32(65) + int32(0), ""));
    assertRefused("expected at most 64 dimensions, got -1", oldest(storages, TENSORS + int32(-1) + int32(0), ""));
    assertRefused("expected a tensor within a storage of 2 elements, got offset 0, sizes (3,) and strides (1,)",
        oldest(storages, TENSORS + LAYOUT.replace(int64(2), int64(3)), ""));
    assertRefused("expected a tensor 8, got none", oldest(storages, TENSORS + LAYOUT, "K\u0008Q"));
    assertRefused("expected a number as a key, got the string \"x\"", oldest(storages, TENSORS + LAYOUT, text("x") + "Q"));
    assertRefused("expected one tensor 9, got two",
        oldest(storages, pickle("K\2") + TENSORS.substring(5) + LAYOUT + TENSORS.substring(5) + LAYOUT, ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"legacy.pth", "tar.pth"})
  void aFileThatIsCutOffAnywhereIsRefused(String name) throws IOException {
    byte[] whole = Files.readAllBytes(TorchFileTest.reference(name));
    int content = whole.length;
    while (name.equals("tar.pth") && whole[content - 1] == 0) {
      content--; // a tar ends with zeros, which nobody needs
    }
    for (int length = 0; length < content; length += 7) {
      Path file = write(Arrays.copyOf(whole, length));
      assertThrows(CheckpointException.class, () -> TorchFile.load(file));
    }
  }

  private static byte[] oldest(String storages, String tensors, String object) {
    return tar("sys_info", INFO, "storages", storages, "tensors", tensors, "pickle", pickle(object));
  }

  private Path write(byte[] content) throws IOException {
    return Files.write(folder.resolve("hostile.pth"), content);
  }

  private Tensor loaded(byte[] content) throws IOException {
    Object loaded = TorchFile.load(write(content));
    assertNotNull(loaded);
    return (Tensor) loaded;
  }

  private void assertRefused(String message, byte[] content) throws IOException {
    Path file = write(content);
    String actual = Objects.requireNonNull(assertThrows(CheckpointException.class, () -> TorchFile.load(file)).getMessage());
    assertTrue(actual.startsWith(file + ": "), actual);
    assertEquals(message, actual.substring((file + ": ").length()));
  }
}
