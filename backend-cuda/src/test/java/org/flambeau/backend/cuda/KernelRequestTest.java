package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What kernels were asked for is a list that they can be compiled from elsewhere.
class KernelRequestTest {
  private static final KernelRequest PLAIN = new KernelRequest("reduce.cu", "", "reduce<SUM<float>, float, Value<float>>");
  private static final KernelRequest GENERATED = new KernelRequest("elementwise.cu", "struct CHAIN {\n\tint a; // ü\n};\n",
      "dense<CHAIN, float>");

  @AfterEach
  void forget() {
    System.clearProperty(KernelRequest.LIST);
  }

  @Test
  void aRequestIsALineAndBack() {
    for (KernelRequest request : List.of(PLAIN, GENERATED)) {
      assertEquals(1, request.line().lines().count());
      assertEquals(request, KernelRequest.of(request.line()));
    }
  }

  @Test
  void requestsAreWrittenDownWhereThatIsAskedFor(@TempDir Path folder) throws IOException {
    Path list = folder.resolve("list");
    PLAIN.note();
    System.setProperty(KernelRequest.LIST, list.toString());
    GENERATED.note();
    PLAIN.note();

    assertEquals(List.of(GENERATED, PLAIN), Files.readAllLines(list).stream().map(KernelRequest::of).toList());
  }
}
