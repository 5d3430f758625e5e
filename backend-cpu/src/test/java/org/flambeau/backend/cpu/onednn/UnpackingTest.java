package org.flambeau.backend.cpu.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class UnpackingTest {
  @TempDir private Path temporary;

  /// Resources "one" and "two" in a jar, with the given content.
  private Unpacking resources(String content) throws IOException {
    Path jar = temporary.resolve(content + ".jar");
    try (var zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      for (String name : List.of("one", "two")) {
        zip.putNextEntry(new ZipEntry("lib/" + name));
        zip.write((name + content).repeat(100_000).getBytes(StandardCharsets.UTF_8));
        zip.closeEntry();
      }
    }
    return new Unpacking(Map.of("one", url(jar, "one"), "two", url(jar, "two")));
  }

  private static URL url(Path jar, String name) throws IOException {
    return URI.create("jar:" + jar.toUri() + "!/lib/" + name).toURL();
  }

  @Test
  void happensOnceHoweverManyTryAtTheSameTime() throws IOException, InterruptedException, ExecutionException {
    Unpacking unpacking = resources("content");
    Path cache = temporary.resolve("a/cache");
    Set<Path> folders = new HashSet<>();
    try (var executor = Executors.newFixedThreadPool(8)) {
      List<Future<Path>> futures = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        futures.add(executor.submit(() -> unpacking.into(cache)));
      }
      for (Future<Path> future : futures) {
        folders.add(future.get());
      }
    }
    assertEquals(1, folders.size());
    Path folder = folders.iterator().next();
    assertEquals("onecontent".repeat(100_000), Files.readString(folder.resolve("one")));
    assertEquals("twocontent".repeat(100_000), Files.readString(folder.resolve("two")));
    try (var left = Files.list(cache)) {
      assertEquals(List.of(folder), left.toList());
    }
  }

  @Test
  void ofOtherContentGoesElsewhere() throws IOException {
    Path cache = temporary.resolve("cache");
    Path first = resources("content").into(cache);
    Path second = resources("changed").into(cache);
    assertNotNull(first);
    assertNotEquals(first, second);
    assertEquals(first, resources("content").into(cache));
  }

  @Test
  void refusesAPlaceWhereNothingCanBeWritten() throws IOException {
    assertNull(resources("content").into(Files.createFile(temporary.resolve("file"))));
  }
}
