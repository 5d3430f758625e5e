package org.flambeau.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.flambeau.io.CheckpointException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Fashion-MNIST is taken from a folder that has all of it, or fetched and checked.
final class FashionMnistTest {
  private static final List<String> FILES = List.of("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
      "t10k-labels-idx1-ubyte.gz");

  @TempDir
  @SuppressWarnings("NullAway.Init") Path folder;

  @Test
  void a_folder_that_lacks_a_file_is_passed_over() throws IOException {
    Path lacking = Files.createDirectory(folder.resolve("lacking"));
    Path whole = Files.createDirectory(folder.resolve("whole"));
    for (String file : FILES) {
      Files.createFile(whole.resolve(file));
    }
    Files.createFile(lacking.resolve(FILES.getFirst()));
    assertEquals(Optional.of(whole), FashionMnist.find(lacking, whole));
    assertEquals(Optional.empty(), FashionMnist.find(lacking));
  }

  @Test
  void other_content_is_refused_and_not_kept() throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", exchange -> {
      exchange.sendResponseHeaders(200, 4);
      exchange.getResponseBody().write(new byte[4]);
      exchange.close();
    });
    server.start();
    try {
      URI address = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
      String refusal = String.valueOf(
          assertThrows(CheckpointException.class, () -> FashionMnist.fetch(address, folder, (_, _) -> {})).getMessage());
      assertTrue(refusal.contains("expected a file whose MD5 begins with 8d4fb7e6c68d591d4c3dfef9ec88bf0d"), refusal);
      assertTrue(refusal.contains(FILES.getFirst()) && refusal.contains("Where there is no network"), refusal);
      assertFalse(Files.exists(folder.resolve(FILES.getFirst())));
    } finally {
      server.stop(0);
    }
  }

  @Test
  void what_is_there_is_not_fetched_again() throws IOException {
    for (String file : FILES) {
      Files.createFile(folder.resolve(file));
    }
    assertEquals(folder, FashionMnist.fetch(URI.create("http://127.0.0.1:1/"), folder, (_, _) -> {}));
  }
}
