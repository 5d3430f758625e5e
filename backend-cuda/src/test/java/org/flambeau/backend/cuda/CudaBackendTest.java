package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.flambeau.BackendException;
import org.flambeau.Device;
import org.flambeau.backend.cuda.binding.Host;
import org.flambeau.backend.cuda.binding.Libraries;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaBackendTest {
  @Test
  void nothingIsLookedForUntilSomebodyAsksAndThenOnce() {
    var looks = new AtomicInteger();
    var backend = new CudaBackend(() -> {
      looks.incrementAndGet();
      return new Installation(0, "no driver", () -> List.of("why: no driver"));
    });

    assertEquals(Device.Type.CUDA, backend.type());
    assertEquals(0, looks.get());
    assertEquals(0, backend.deviceCount());
    assertEquals("why: no driver", backend.report());
    assertEquals("no driver", backend.reason(0));
    assertEquals(1, looks.get());
  }

  @Test
  void aDeviceThatIsNotUsableIsRefusedWithTheReason() {
    String reason = new CudaBackend().reason(0);

    var refusal = assertThrows(BackendException.class, () -> Device.cuda(0));

    assertEquals("[device] cuda:0 cannot be used: " + reason, refusal.getMessage());
  }

  @Test
  void theBestDeviceIsTheCpuWithoutAUsableGpu() {
    assertEquals(Device.CPU, Device.best());
  }

  @Test
  void withoutDriverTheReasonSaysWhatToInstall(@TempDir Path machine) {
    Installation installation = Installation.look(() -> Libraries.of(new Host(Map.of(), Map.of(), machine)));

    assertEquals("NVIDIA's driver was not found: there is no libcuda.so.1 in any folder; "
        + "install NVIDIA's driver, 580 or newer for CUDA 13, 525 or newer for CUDA 12", installation.problem());
    assertEquals("why: " + installation.problem(), installation.facts().get().getFirst());
  }

  @Test
  void aDriverThatIsNoLibraryIsNamedWithWhatTheLoaderSays(@TempDir Path machine) throws Exception {
    Path driver = Files.writeString(Files.createDirectories(machine.resolve("usr/lib64")).resolve("libcuda.so.1"), "not a library");

    Installation installation = Installation.look(() -> Libraries.of(new Host(Map.of(), Map.of(), machine)));

    assertTrue(installation.problem().startsWith(driver + " cannot be opened: "), installation.problem());
    assertTrue(installation.problem().contains("install NVIDIA's driver"), installation.problem());
  }
}
