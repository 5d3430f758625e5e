package org.flambeau.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.io.CheckpointException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Downloads, from a server on this machine.
class DownloadTest {
  private static final byte[] CONTENT = new byte[200_000];

  static {
    new Random(7).nextBytes(CONTENT);
  }

  @TempDir private Path folder;

  private final List<Long> heard = new ArrayList<>();

  private Path target() {
    return folder.resolve("hub/checkpoints/weights.pth");
  }

  private Path part() {
    return folder.resolve("hub/checkpoints/weights.pth.part");
  }

  private void leavePart(byte[] bytes) throws IOException {
    Files.createDirectories(part().getParent());
    Files.write(part(), bytes);
  }

  private static String hash() throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(CONTENT));
  }

  private Path download(URI address) throws Exception {
    return download(address, hash().substring(0, 8));
  }

  private Path download(URI address, String hashPrefix) {
    return new Download(address.resolve("weights.pth"), target(), "SHA-256", hashPrefix).run((done, total) -> {
      heard.add(done);
      assertEquals(CONTENT.length, total);
    });
  }

  private String failure(URI address, String hashPrefix) {
    return String.valueOf(assertThrows(CheckpointException.class, () -> download(address, hashPrefix)).getMessage());
  }

  private void assertDownloaded() throws IOException {
    assertArrayEquals(CONTENT, Files.readAllBytes(target()));
    assertFalse(Files.exists(part()));
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(target().getParent())) {
      return files.toList();
    }
  }

  @Test
  void aFileArrivesAndIsHeardOf() throws Exception {
    try (var server = new WeightsServer(CONTENT)) {
      assertEquals(target(), download(server.folder()));

      assertDownloaded();
      assertEquals(List.of(""), server.ranges);
      assertEquals(0, heard.getFirst());
      assertEquals(CONTENT.length, heard.getLast());
      assertEquals(heard.stream().sorted().toList(), heard);
    }
  }

  @Test
  void whatIsThereIsNotAskedForAgain() throws Exception {
    leavePart(Arrays.copyOf(CONTENT, 150_000));
    try (var server = new WeightsServer(CONTENT)) {
      download(server.folder());

      assertDownloaded();
      assertEquals(List.of("bytes=150000-"), server.ranges);
      assertEquals(150_000, heard.getFirst());

      download(server.folder());
      assertEquals(1, server.ranges.size());
    }
  }

  @Test
  void aWholePartIsOnlyChecked() throws Exception {
    leavePart(CONTENT);
    try (var server = new WeightsServer(CONTENT)) {
      download(server.folder());

      assertDownloaded();
      assertEquals(List.of("bytes=200000-"), server.ranges);
    }
  }

  @Test
  void aServerThatCannotResumeIsAskedForAll() throws Exception {
    leavePart(Arrays.copyOf(CONTENT, 150_000));
    try (var server = new WeightsServer(CONTENT).notResumable()) {
      download(server.folder());

      assertDownloaded();
      assertEquals(0, heard.getFirst());
    }
  }

  @Test
  void aPartOfAnotherFileIsFetchedAnew() throws Exception {
    leavePart(new byte[150_000]);
    try (var server = new WeightsServer(CONTENT)) {
      download(server.folder());

      assertDownloaded();
      assertEquals(List.of("bytes=150000-", ""), server.ranges);
    }
  }

  @Test
  void aConnectionThatBreaksOffIsTakenUpAgain() throws Exception {
    try (var server = new WeightsServer(CONTENT).breakingOff(2, 70_000)) {
      download(server.folder());

      assertDownloaded();
      assertEquals(3, server.ranges.size());
      assertTrue(server.ranges.getLast().startsWith("bytes="), server.ranges.toString());
    }
  }

  @Test
  void oneThatBreaksOffForGoodLeavesWhatHasArrived() throws Exception {
    String message;
    try (var server = new WeightsServer(CONTENT).breakingOff(99, 10_000)) {
      message = failure(server.folder(), hash());

      assertEquals(3, server.ranges.size());
    }
    assertTrue(message.contains("the connection broke off after 30000 of 200000 bytes; another attempt goes on from there"), message);
    assertEquals(List.of(part()), files());
    try (var server = new WeightsServer(CONTENT)) {
      download(server.folder());
      assertEquals(List.of("bytes=30000-"), server.ranges);
    }
    assertDownloaded();
  }

  @Test
  void aWrongFileIsRefused() throws Exception {
    try (var server = new WeightsServer(CONTENT)) {
      String message = failure(server.folder(), "0123abcd");

      assertTrue(message.contains("expected a file whose SHA-256 begins with 0123abcd, got 200000 bytes whose SHA-256 is " + hash()),
          message);
      assertEquals(List.of(), files());
    }
  }

  @Test
  void aMissingFileIsSaidToBe() throws Exception {
    try (var server = new WeightsServer(CONTENT).answering(404)) {
      String message = failure(server.folder(), hash());

      assertTrue(message.contains("the server answered with status 404"), message);
      assertEquals(List.of(), files());
    }
  }

  @Test
  void withoutANetworkItSaysWhatToDo() throws Exception {
    URI nobody;
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      nobody = URI.create("http://127.0.0.1:" + socket.getLocalPort() + "/");
    }

    assertEquals(target() + ": could not be downloaded from " + nobody + "weights.pth: ConnectException. Where there is no network, "
        + "fetch that address elsewhere and put the file at this path, or load any copy of it by its own path", failure(nobody, hash()));
    assertEquals(List.of(), files());
  }

  @Test
  void twoDoNotWriteTheSameFile() throws Exception {
    leavePart(Arrays.copyOf(CONTENT, 10));
    try (var server = new WeightsServer(CONTENT); var other = FileChannel.open(part(), StandardOpenOption.WRITE); var _ = other.lock()) {
      assertEquals(target() + ": is being downloaded by somebody else right now; wait until that is done",
          failure(server.folder(), hash()));
    }
  }

  @Test
  void torchHubsCacheIsUsedFirst() throws Exception {
    String name = TorchvisionWeights.RESNET18_IMAGENET1K_V1.fileName();
    System.setProperty("flambeau.torch.home", folder.toString());
    try (var server = new WeightsServer(CONTENT)) {
      System.setProperty("flambeau.weights.address", server.folder() + "models");
      assertEquals(server.folder() + "models/" + name, TorchvisionWeights.RESNET18_IMAGENET1K_V1.address().toString());
      assertTrue(TorchvisionWeights.RESNET18_IMAGENET1K_V1.locate().isEmpty());
      assertThrows(CheckpointException.class, () -> ResNet.resnet18(TorchvisionWeights.DEFAULT));
      assertEquals(1, server.ranges.size());

      ResNet model = ModelGoldens.fill(ResNet.resnet18());
      model.stateDict().save(target().resolveSibling(name));
      ResNet loaded = ResNet.resnet18(TorchvisionWeights.DEFAULT);
      assertEquals(1, server.ranges.size());
      assertArrayEquals(ModelGoldens.sampled(model.stateDict()), ModelGoldens.sampled(loaded.stateDict()));
    } finally {
      System.clearProperty("flambeau.torch.home");
      System.clearProperty("flambeau.weights.address");
    }
    assertEquals("https://download.pytorch.org/models/" + name, TorchvisionWeights.RESNET18_IMAGENET1K_V1.address().toString());
  }
}
