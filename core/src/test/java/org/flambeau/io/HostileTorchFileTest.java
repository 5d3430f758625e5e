package org.flambeau.io;

import static org.flambeau.io.Pickles.bytes;
import static org.flambeau.io.Pickles.checkpoint;
import static org.flambeau.io.Pickles.int32;
import static org.flambeau.io.Pickles.int64;
import static org.flambeau.io.Pickles.latin;
import static org.flambeau.io.Pickles.number;
import static org.flambeau.io.Pickles.numbers;
import static org.flambeau.io.Pickles.pickle;
import static org.flambeau.io.Pickles.storage;
import static org.flambeau.io.Pickles.tensor;
import static org.flambeau.io.Pickles.text;
import static org.flambeau.io.Pickles.tuple;
import static org.flambeau.io.Pickles.zip;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// No zip checkpoint, however made, runs anything, or leads to anything but its tree or a [CheckpointException] that says what is wrong.
@Timeout(60) // of what would take forever
class HostileTorchFileTest {
  private static final String FLOATS = storage("FloatStorage", "0", 4);

  @TempDir Path folder;

  // ---- what a pickle may name ----

  @ParameterizedTest
  @CsvSource({"posix,system", "os,system", "nt,system", "builtins,eval", "__builtin__,exec", "subprocess,Popen", "torch,load",
    "torch.storage,_load_from_bytes", "torch._utils,_rebuild_sparse_tensor", "torch.nn.modules.linear,Linear",
    "numpy.core.multiarray,scalar",
    "collections,OrderedDict.fromkeys", "torch,ComplexFloatStorage", "torch,uint16"})
  void aClassThatIsNotListedIsRefusedByName(String module, String name) throws IOException {
    String message = "refuses " + module + "." + name + ": a checkpoint may hold tensors of Flambeau's dtypes, collections, numbers and "
        + "strings, and nothing that runs";
    assertRefused(message, checkpoint("c" + module + "\n" + name + "\n" + tuple(text("echo")) + "R"));
    assertRefused(message, checkpoint(text(module) + text(name) + "\u0093" + tuple(text("echo")) + "R"));
  }

  @Test
  void aNameThatWouldUpsetATerminalIsEscaped() throws IOException {
    assertRefused("refuses \\u001b[2J.\\u0007" + "x".repeat(99) + "...: a checkpoint may hold tensors of Flambeau's dtypes, collections, "
        + "numbers and strings, and nothing that runs", checkpoint("c\u001b[2J\n\u0007" + "x".repeat(200) + "\n"));
  }

  @Test
  void whatIsNoCallIsRefused() throws IOException {
    assertRefused("expected a known function and its arguments in the pickle, got the number 1 and a tuple of 0", checkpoint("K\u0001)R"));
    assertRefused("expected other arguments of REBUILD_TENSOR_V2, got nothing as number 2",
        checkpoint("ctorch._utils\n_rebuild_tensor_v2\n)R"));
    assertRefused("expected the attributes of an OrderedDict or a Parameter, got a map of 0 for a list of 0", checkpoint("]}b"));
    assertRefused("expected a storage's type, key, location and number of elements, got the string \"x\"", checkpoint(text("x") + "Q"));
    assertRefused("expected tensors, collections, numbers and strings, got a storage", checkpoint(FLOATS));
    assertRefused("expected tensors, collections, numbers and strings, got ORDERED_DICT", checkpoint("ccollections\nOrderedDict\n"));
    assertRefused("expected at most 4194304 objects in a pickle, got more", checkpoint("(" + "]".repeat(4194305) + "t"));
  }

  // ---- shapes ----

  /// A byte of a pickle must not become a hundred bytes of the heap for as long as the file likes.
  @Test
  void whatTakesMemoryByTheByteIsLimited() throws IOException {
    assertRefused("expected at most 16777216 instructions in a pickle, got more", checkpoint("N".repeat(16777217)));
    assertRefused("expected at most 4194304 objects in a pickle, got more", checkpoint("N" + "\u0094".repeat(4194305)));
    assertRefused("expected at most 4194304 objects in a pickle, got more", checkpoint("(" + "\u008c\0".repeat(4194305) + "t"));
  }

  @Test
  void tensorsStayWithinTheirStorage() throws IOException {
    String within = "expected a tensor within a storage of 4 elements, got offset ";
    assertRefused(within + "0, sizes (5,) and strides (1,)", checkpoint(tensor(FLOATS, 0, numbers(5), numbers(1))));
    assertRefused(within + "1, sizes (2, 2) and strides (2, 1)", checkpoint(tensor(FLOATS, 1, numbers(2, 2), numbers(2, 1))));
    assertRefused(within + "4, sizes () and strides ()", checkpoint(tensor(FLOATS, 4, numbers(), numbers())));
    assertRefused(within + "0, sizes (2,) and strides (9223372036854775807,)",
        checkpoint(tensor(FLOATS, 0, numbers(2), numbers(Long.MAX_VALUE))));
    assertRefused(within + "9223372036854775807, sizes (1,) and strides (1,)",
        checkpoint(tensor(FLOATS, Long.MAX_VALUE, numbers(1), numbers(1))));
    assertRefused(within + "0, sizes (4294967296, 4294967296) and strides (0, 0)",
        checkpoint(tensor(FLOATS, 0, numbers(1L << 32, 1L << 32), numbers(0, 0))));
    assertRefused(within + "0, sizes (0, 4611686018427387904, 4) and strides (1, 1, 1)",
        checkpoint(tensor(FLOATS, 0, numbers(0, 1L << 62, 4), numbers(1, 1, 1))));
  }

  @Test
  void aBillionElementsOverFourAreRefused() throws IOException {
    assertRefused("expected at most 1048576 elements over a storage of 4, got offset 0, sizes (1000000000,) and strides (0,)",
        checkpoint(tensor(FLOATS, 0, numbers(1_000_000_000), numbers(0))));
  }

  @Test
  void layoutsThatAreNoneAreRefused() throws IOException {
    String least = "expected an offset, sizes and strides of at least 0, got offset ";
    assertRefused(least + "-1, sizes (1,) and strides (1,)", checkpoint(tensor(FLOATS, -1, numbers(1), numbers(1))));
    assertRefused(least + "0, sizes (-1,) and strides (1,)", checkpoint(tensor(FLOATS, 0, numbers(-1), numbers(1))));
    assertRefused(least + "3, sizes (2,) and strides (-1,)", checkpoint(tensor(FLOATS, 3, numbers(2), numbers(-1))));
    assertRefused("expected as many sizes as strides, at most 64, got 2 and 1", checkpoint(tensor(FLOATS, 0, numbers(1, 1), numbers(1))));
    assertRefused("expected at most 64 dimensions, got 65", checkpoint(tensor(FLOATS, 0, numbers(new long[65]), numbers(new long[65]))));
    assertRefused("expected sizes and strides below 2^63, got an integer beyond 64 bits",
        checkpoint(tensor(FLOATS, 0, tuple("\u008a\n" + "\u007f".repeat(10)), numbers(1))));
    assertRefused("expected a float dtype for a tensor that requires grad, got int32", checkpoint("ctorch._utils\n_rebuild_tensor_v2\n"
        + tuple(storage("IntStorage", "0", 4), number(0), numbers(4), numbers(1), "\u0088", "N") + "R"));
  }

  // ---- storages ----

  @Test
  void storagesAreWhatTheirRecordsAre() throws IOException {
    assertRefused("expected a record data/1, got none", checkpoint(storage("FloatStorage", "1", 4)));
    assertRefused("expected a record data/../data.pkl, got none", checkpoint(storage("FloatStorage", "../data.pkl", 4)));
    assertRefused("expected 20 bytes for storage \"0\" of 5 elements of float32, got 16", checkpoint(storage("FloatStorage", "0", 5)));
    assertRefused("expected 12 bytes for storage \"0\" of 3 elements of float32, got 16", checkpoint(storage("FloatStorage", "0", 3)));
    assertRefused("expected a number of elements for storage \"0\", got -4", checkpoint(storage("FloatStorage", "0", -4)));
    assertRefused("expected a number of elements for storage \"0\", got 4611686018427387905",
        checkpoint(storage("FloatStorage", "0", (1L << 62) + 1)));
    assertRefused("expected storage \"0\" to be of 4 elements of float32 as before, got 4 of int32",
        checkpoint(tuple(FLOATS, storage("IntStorage", "0", 4))));
    assertRefused("expected storage \"0\" to be of 4 elements of float32 as before, got 2 of float32",
        checkpoint(tuple(FLOATS, storage("FloatStorage", "0", 2))));
    assertRefused("expected booleans of 0 or 1 in storage \"0\", got 2 at element 1", zip("a/data.pkl",
        pickle(tensor(storage("BoolStorage", "0", 3), 0, numbers(3), numbers(1))), "a/data/0", "\0\u0002\1"));
  }

  // ---- collections ----

  @Test
  void collectionsThatHoldThemselvesAreRefused() throws IOException {
    assertRefused("expected collections that do not hold themselves, got a list of 1 that does", checkpoint("]q\0h\0a"));
    assertRefused("expected collections that do not hold themselves, got a map of 1 that does", checkpoint("}q\0" + text("a") + "h\0s"));
    assertRefused("expected collections that do not hold themselves, got a list of 1 that does", checkpoint("]q\0h\0\u0085a"));
    assertRefused("expected collections that do not hold themselves, got a map of 0 that does",
        checkpoint("ccollections\nOrderedDict\n)Rq\0}" + text("_metadata") + "h\0sb"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\u0085", "]a"})
  void deepNestingIsRefused(String level) throws IOException {
    String nested = level.equals("]a") ? "]".repeat(1_000_000) + "a".repeat(999_999) : ")" + level.repeat(1_000_000);
    assertRefused("expected at most 100 levels of collections, got more", checkpoint(nested));
  }

  @Test
  void sharedLevelsCountAsLevels() throws IOException {
    var deep = new StringBuilder(")q\0");
    for (int i = 0; i < 60; i++) {
      deep.append("\u0085");
    }
    deep.append("q\1");
    String list = "(" + "h\1" + "h\1" + "\u0085".repeat(60) + "t";
    assertRefused("expected at most 100 levels of collections, got more", checkpoint("(" + deep + list + "t"));
  }

  @Test
  void sharingThatMultipliesIsRefused() throws IOException {
    var laughs = new StringBuilder("(]q\0");
    for (int i = 0; i < 60; i++) {
      laughs.append("](h\0h\0eq\0");
    }
    assertRefused("expected at most 4194304 objects, got collections that are shared until they are more", checkpoint(laughs + "t"));
  }

  /// What one byte of the file copies counts as much as it copies.
  @Test
  void copiesOfWhatIsSharedAreLimited() throws IOException {
    var pairs = new StringBuilder("]q\0(" + "K\1N\u0086q\1");
    var entries = new StringBuilder("}q\0(");
    for (int i = 0; i < 4096; i++) {
      pairs.append("h\1");
      entries.append(number(i)).append("N");
    }
    String numbers = "]q\0(" + "K\1".repeat(4096) + "e";
    for (String copied : List.of("ccollections\nOrderedDict\nq\2" + pairs + "e", "ccollections\nCounter\nq\2" + entries + "u",
        "c__builtin__\nset\nq\2" + numbers)) {
      assertRefused("expected at most 4194304 objects in a pickle, got more",
          checkpoint("(" + copied + "h\2h\0\u0085R".repeat(1024) + "t"));
    }
    long[] ones = new long[64];
    Arrays.fill(ones, 1);
    String arguments = tuple(FLOATS, number(0), numbers(ones), numbers(ones));
    assertRefused("expected at most 4194304 objects in a pickle, got more",
        checkpoint("(ctorch._utils\n_rebuild_tensor\nq\2" + arguments + "q\0" + "h\2h\0R".repeat(1 << 16) + "t"));
  }

  @Test
  void keysAreStringsAndNumbersSoThatHashingIsQuick() throws IOException {
    var shared = new StringBuilder(")q\0");
    for (int i = 0; i < 60; i++) {
      shared.append("h\0\u0086q\0");
    }
    assertRefused("expected a string or a number as a key, got a tuple of 2", checkpoint("}" + shared + "Ns"));
    assertRefused("expected a string or a number as a key, got a list of 0", checkpoint("}]Ns"));
    assertRefused("expected a string or a number as a key, got None", checkpoint("}NNs"));
    assertRefused("expected a string or a number as a key, got a list of 0", checkpoint("\u008f(]\u0090"));
    assertRefused("expected a string or a number as a key, got a tuple of 0", checkpoint("c__builtin__\nset\n](h\0e".replace("h\0", ")")
        + "\u0085R"));
    assertRefused("expected keys of at most 4096 characters, got one of 4097", checkpoint("}" + text("x".repeat(4097)) + "Ns"));
  }

  @Test
  void collectionsAreFilledAsWhatTheyAre() throws IOException {
    assertRefused("expected a list to add to, got a tuple of 0", checkpoint(")Na"));
    assertRefused("expected a list to add to, got the number 1", checkpoint("K\1(Ne"));
    assertRefused("expected a map to put into, got a list of 0", checkpoint("](" + text("a") + "Nu"));
    assertRefused("expected pairs of keys and values, got 3 objects", checkpoint("}(" + text("a") + "NNu"));
    assertRefused("expected a set to add to, got None", checkpoint("N(K\1\u0090"));
  }

  // ---- the machine ----

  @Test
  void brokenPicklesAreRefused() throws IOException {
    assertRefused("expected 1 more bytes at 2 of data.pkl, got its end at 2", zip("a/data.pkl", Pickles.PROTO));
    assertRefused("expected 1 more bytes at 0 of data.pkl, got its end at 0", zip("a/data.pkl", ""));
    assertRefused("expected a pickle of protocol 2 to 5 at 0, got other bytes", zip("a/data.pkl", "(lp0\n."));
    assertRefused("expected a pickle of protocol 2 to 5, got 6", zip("a/data.pkl", "\u0080\u0006N."));
    assertRefused("expected a pickle as PyTorch writes it, got instruction 0x69 at 2", checkpoint("iposix\nsystem\n"));
    assertRefused("expected 1 objects before 3 of the pickle, got fewer", checkpoint(""));
    assertRefused("expected one object in the pickle, got more", checkpoint("NN"));
    assertRefused("expected 1 objects before 5 of the pickle, got fewer", checkpoint("N("));
    assertRefused("expected a mark before 3 of the pickle, got none", checkpoint("t"));
    assertRefused("expected 2 objects before 5 of the pickle, got fewer", checkpoint("N(\u0086"));
    assertRefused("expected object number 7 in the pickle, got none of that number", checkpoint("h\7"));
    assertRefused("expected object number 4294967295 in the pickle, got none of that number",
        checkpoint("Nr" + int32(7) + "j" + int32(-1)));
    assertRefused("expected 4294967295 more bytes at 7 of data.pkl, got its end at 8", checkpoint("X" + int32(-1)));
    assertRefused("expected 9223372036854775807 more bytes at 11 of data.pkl, got its end at 12",
        checkpoint("\u008d" + int64(Long.MAX_VALUE)));
    assertRefused("expected 18446744073709551615 more bytes at 11 of data.pkl, got its end at 12", checkpoint("\u008d" + int64(-1)));
    assertRefused("expected integers of at most 1024 bytes, got one of 2147483647", checkpoint("\u008b" + int32(Integer.MAX_VALUE)));
    assertRefused("expected text in UTF-8 in data.pkl, got other bytes before 8", checkpoint("X" + int32(1) + "\u00ff"));
    assertRefused("expected a line of at most 1024 bytes at 3 of data.pkl, got none", checkpoint("c" + "x".repeat(2000) + "\n"));
  }

  // ---- the zip ----

  @Test
  void theRecordsLieInOneFolder() throws IOException {
    String one = "expected a checkpoint, whose records lie in one folder, got ";
    assertRefused(one + "\"data.pkl\"", zip("data.pkl", pickle("N")));
    assertRefused(one + "\"/data.pkl\"", zip("/data.pkl", pickle("N")));
    assertRefused(one + "\"../../etc/passwd\"", zip("a/data.pkl", pickle("N"), "../../etc/passwd", ""));
    assertRefused(one + "\"b/data.pkl\"", zip("a/data.pkl", pickle("N"), "b/data.pkl", pickle("N")));
    assertRefused("expected a checkpoint with a record data.pkl, got a zip without one", zip("a/b", "c"));
    assertRefused("expected little-endian tensors, got the byte order big", zip("a/data.pkl", pickle("N"), "a/byteorder", "big"));
  }

  @Test
  void twoRecordsOfOneNameAreRefused() throws IOException {
    byte[] file = bytes(latin(zip("a/data.pkl", pickle("N"), "a/data.pkx", pickle("N"))).replace("pkx", "pkl"));
    assertRefused("expected one record \"a/data.pkl\", got two", file);
  }

  @Test
  void recordsThatShareBytesAreRefused() throws IOException {
    byte[] file = zip("a/data/0", "\0".repeat(100), "a/data/1", "\0".repeat(100));
    String latin = latin(file);
    int first = latin.indexOf("PK\1\2");
    int second = latin.indexOf("PK\1\2", first + 1);
    String overlapping = latin.substring(0, second) + latin.substring(first, first + 46) + "a/data/1" + latin.substring(second + 54);
    assertRefused("expected records that share no bytes, got \"a/data/1\" at 0 before the end of another at 138", bytes(overlapping));
    assertRefused("expected record \"a/data/2\" at 138, got other bytes", bytes(latin.substring(0, second) + latin.substring(second)
        .replace("a/data/1", "a/data/2")));
    String inside = latin.substring(0, first + 20) + int32(200) + int32(200) + latin.substring(first + 28);
    assertRefused("expected records that share no bytes, got \"a/data/1\" at 138 before the end of another at 238", bytes(inside));
  }

  @Test
  void aZipBombIsNotUnpacked() throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      zip.putNextEntry(new ZipEntry("a/data.pkl"));
      for (int i = 0; i < 64; i++) {
        zip.write(new byte[1 << 20]);
      }
    }
    assertRefused("expected record \"a/data.pkl\" to be stored as it is, got one that is compressed or encrypted", bytes.toByteArray());
  }

  @Test
  void anEncryptedRecordIsRefused() throws IOException {
    byte[] file = checkpoint("N");
    file[latin(file).indexOf("PK\1\2") + 8] |= 1;
    assertRefused("expected record \"a/data.pkl\" to be stored as it is, got one that is compressed or encrypted", file);
  }

  /// A comment may contain what looks like an end record.
  @Test
  void theEndRecordIsTheOneThatEndsTheFile() throws IOException {
    String latin = latin(checkpoint("Nq\0h\0\u0086"));
    Path file = write(bytes(latin.substring(0, latin.length() - 2) + "\u001e\0" + "PK\5\6" + "x".repeat(26)));
    assertEquals(Arrays.asList(null, null), TorchFile.load(file));
  }

  @Test
  void aFlippedBitIsFound() throws IOException {
    byte[] file = checkpoint(tensor(FLOATS, 0, numbers(4), numbers(1)));
    file[latin(file).indexOf("a/data/0") + 8] ^= 1;
    assertRefused("expected the checksum ecbb4b55 of record \"a/data/0\", got 42d3dac4: the file is damaged", file);
  }

  @Test
  void aDirectoryThatLiesIsRefused() throws IOException {
    byte[] file = checkpoint("N");
    String latin = latin(file);
    String end = latin.substring(latin.length() - 22);
    String head = latin.substring(0, latin.length() - 22);
    assertRefused("expected the zip's directory of 65535 records in 110 bytes before its end record, got one that does not fit",
        bytes(head + end.substring(0, 10) + "\u00ff\u00ff" + end.substring(12)));
    assertRefused("expected 110 bytes for the zip's directory at 4294967295, got a file that ends at " + latin.length(),
        bytes(head + end.substring(0, 16) + int32(-1) + "\0\0"));
    assertRefused("expected the zip's directory of 2 records in 111 bytes before its end record, got one that does not fit",
        bytes(head + end.substring(0, 12) + int32(111) + end.substring(16)));
    assertRefused("expected a record in the zip's directory, got other bytes", bytes(latin.replace("PK\1\2", "PK\1\3")));
    String locator = "PK\6\7" + int32(0) + int64(Long.MAX_VALUE) + int32(1);
    assertRefused("expected 56 bytes for the zip64 end record at 9223372036854775807, got a file that ends at " + (latin.length() + 20),
        bytes(head + locator + end));
  }

  @Test
  void aFileThatIsCutOffAnywhereIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(TorchFileTest.reference("nochecksums.pth"));
    for (int length = 0; length < whole.length; length++) {
      Path file = write(Arrays.copyOf(whole, length));
      assertThrows(CheckpointException.class, () -> TorchFile.load(file));
    }
  }

  @Test
  void whatIsNoCheckpointIsRefused() throws IOException {
    assertRefused("expected a checkpoint that torch.save wrote, got other bytes", new byte[0]);
    assertRefused("expected a checkpoint that torch.save wrote, got other bytes", bytes("\u0089PNG"));
    Path none = folder.resolve("none");
    assertEquals(none + ": no such file", assertThrows(CheckpointException.class, () -> TorchFile.load(none)).getMessage());
    assertEquals(folder + ": expected a file, got a folder",
        assertThrows(CheckpointException.class, () -> TorchFile.load(folder)).getMessage());
    Path list = write(checkpoint("]"));
    assertEquals(list + ": expected a map of tensors, got a list of 0",
        assertThrows(CheckpointException.class, () -> TorchFile.loadTensors(list)).getMessage());
    Path map = write(checkpoint("}" + text("epoch") + "K\3s"));
    assertEquals(map + ": expected a map of names and tensors, got the number 3 at the string \"epoch\" beside epoch",
        assertThrows(CheckpointException.class, () -> TorchFile.loadTensors(map)).getMessage());
  }

  private Path write(byte[] content) throws IOException {
    return Files.write(folder.resolve("hostile.pth"), content);
  }

  private void assertRefused(String message, byte[] content) throws IOException {
    Path file = write(content);
    String actual = assertThrows(CheckpointException.class, () -> TorchFile.load(file)).getMessage();
    assertTrue(Objects.requireNonNull(actual).startsWith(file + ": "), actual);
    assertEquals(message, actual.substring((file + ": ").length()));
  }
}
