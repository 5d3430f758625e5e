package org.flambeau.backend.cuda.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.flambeau.BackendException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Machines made of empty files.
class LibrariesTest implements Linkage {
  private static final String DRIVER = "usr/lib/x86_64-linux-gnu/libcuda.so.1";
  private static final String[] CUDA_12 = {"lib/libnvrtc.so.12", "lib/libcublasLt.so.12", "lib/libcudnn.so.9"};
  private static final String[] CUDA_13 = {"lib/libnvrtc.so.13", "lib/libcublasLt.so.13", "lib/libcudnn.so.9"};

  @TempDir Path machine;

  private final List<Path> opened = new ArrayList<>();
  private final Map<String, String> properties = new HashMap<>();
  private final Map<String, String> variables = new HashMap<>();
  private int driverVersion = 13000;
  private String broken = "none";

  @Override
  public SymbolLookup open(Path library) {
    if (library.toString().contains(broken)) {
      throw new BackendException(library + " cannot be opened: file too short");
    }
    opened.add(library);
    return _ -> Optional.empty();
  }

  @Override
  public int cudaVersion(SymbolLookup driver) {
    return driverVersion;
  }

  private Path at(String path) {
    return machine.resolve(path);
  }

  private void have(String folder, String... files) throws IOException {
    for (String file : files) {
      Path path = at(folder).resolve(file);
      Files.createDirectories(path.resolveSibling(""));
      Files.createFile(path);
    }
  }

  private Libraries libraries() {
    return Libraries.of(new Host(properties, variables, machine), this);
  }

  private static String problem(Libraries libraries, Library library) {
    return Objects.requireNonNullElse(libraries.problem(library), "none");
  }

  @Test
  void aCompleteMachineHasNothingToComplainAbout() throws IOException {
    have("", DRIVER);
    have("usr/local/cuda-13.0", CUDA_13);

    Libraries libraries = libraries();

    for (Library library : Library.values()) {
      assertNull(libraries.problem(library));
    }
    assertEquals(13, libraries.cudaMajor());
    assertEquals(at("usr/local/cuda-13.0/lib/libcudnn.so.9"), libraries.file(Library.CUDNN));
  }

  @Test
  void onlyTheDriverIsOpenedBeforeSomethingIsUsed() throws IOException {
    have("", DRIVER);
    have("usr/local/cuda-13.0", CUDA_13);

    libraries();

    assertEquals(List.of(at(DRIVER)), opened);
  }

  @Test
  void whatALibraryDependsOnIsOpenedBeforeIt() throws IOException {
    have("", DRIVER);
    have("usr/local/cuda-13.0", CUDA_13);
    have("usr/local/cuda-13.0/lib", "libnvrtc-builtins.so.13.0", "libnvrtc-builtins.alt.so.13.0", "libnvrtc-builtins.so.12.9");

    libraries().open(Library.CUDNN);

    assertEquals(Stream.of("libnvrtc-builtins.so.13.0", "libnvrtc.so.13", "libcublasLt.so.13", "libcudnn.so.9")
        .map(at("usr/local/cuda-13.0/lib")::resolve).toList(), opened.subList(1, opened.size()));
  }

  @Test
  void aLibraryIsOpenedOnce() throws IOException {
    have("", DRIVER);
    have("usr/local/cuda-13.0", CUDA_13);
    Libraries libraries = libraries();

    assertEquals(libraries.open(Library.NVRTC), libraries.open(Library.NVRTC));
    assertEquals(2, opened.size());
  }

  @Test
  void foldersComeInTheOrderPropertyVariablePythonHomeSystemUsrLocal() throws IOException {
    String[] origins = {
      "named", "variable", "venv/lib/python3.12/site-packages/nvidia/cu13/lib", "home/lib64", "path/lib64", "loader",
      "usr/local/cuda-13.0/lib64"
    };
    have("", DRIVER);
    for (String origin : origins) {
      have(origin, "libnvrtc.so.13");
    }
    properties.put("flambeau.cuda.path", at("named").toString());
    variables.putAll(Map.of("FLAMBEAU_CUDA_PATH", at("variable").toString(), "VIRTUAL_ENV", at("venv").toString(), "CUDA_HOME",
        at("home").toString(), "CUDA_PATH", at("path").toString(), "LD_LIBRARY_PATH", at("loader").toString()));

    for (String origin : origins) {
      assertEquals(at(origin).resolve("libnvrtc.so.13"), libraries().file(Library.NVRTC));
      Files.delete(at(origin).resolve("libnvrtc.so.13"));
    }
  }

  @Test
  void aNamedFolderMayBeAFolderOfPythonPackagesWithOneFolderPerLibrary() throws IOException {
    have("", DRIVER);
    have("site", "nvidia/cuda_nvrtc/lib/libnvrtc.so.12", "nvidia/cublas/lib/libcublasLt.so.12", "nvidia/cudnn/lib/libcudnn.so.9");
    properties.put("flambeau.cuda.path", at("site").toString());

    Libraries libraries = libraries();

    assertEquals(at("site/nvidia/cublas/lib/libcublasLt.so.12"), libraries.file(Library.CUBLAS_LT));
    assertEquals(at("site/nvidia/cudnn/lib/libcudnn.so.9"), libraries.file(Library.CUDNN));
  }

  /// Of an interpreter that PATH shows, in the order in which they are looked into.
  private void assertFoundBy(String... sites) throws IOException {
    have("", DRIVER);
    for (String site : sites) {
      have(site + "/nvidia/cu13/lib", "libnvrtc.so.13");
    }
    variables.put("PATH", at("usr/local/bin") + ":" + at("usr/bin"));
    for (String site : sites) {
      Path file = at(site).resolve("nvidia/cu13/lib/libnvrtc.so.13");
      assertEquals(file, libraries().file(Library.NVRTC));
      Files.delete(file);
    }
  }

  private void link(String from, String to) throws IOException {
    Files.createDirectories(at(from).resolveSibling(""));
    Files.createSymbolicLink(at(from), to.startsWith("..") ? Path.of(to) : at(to));
  }

  @Test
  void aPythonThatIsALinkIsFollowedLinkByLink() throws IOException {
    link("usr/local/bin/python3", "opt/torch/.venv/bin/python3");
    link("opt/torch/.venv/bin/python3", "../bin/python");
    link("opt/torch/.venv/bin/python", "../../../python/bin/python3.12");
    have("opt/python/bin", "python3.12");

    assertFoundBy("opt/torch/.venv/lib/python3.12/site-packages", "opt/python/lib/python3.12/site-packages");
  }

  @Test
  void theWheelsOfAVirtualEnvironmentComeBeforeThoseOfThePythonItIsMadeFrom() throws IOException {
    have("venv", "bin/python3", "pyvenv.cfg");
    have("opt/python/bin", "python3");
    Files.writeString(at("venv/pyvenv.cfg"), "version = 3.12.3\nhome = " + at("opt/python/bin") + "\n");
    variables.put("VIRTUAL_ENV", at("venv").toString());

    assertFoundBy("venv/lib/python3.12/site-packages", "opt/python/lib/python3.12/site-packages");
  }

  @Test
  void whatDebiansPythonHasInUsrLocalIsFound() throws IOException {
    have("usr/bin", "python3");

    assertFoundBy("usr/local/lib/python3.12/dist-packages");
  }

  @Test
  void linksThatLeadInACircleEnd() throws IOException {
    link("usr/bin/python3", "opt/bin/python3");
    link("opt/bin/python3", "usr/bin/python3");
    variables.put("VIRTUAL_ENV", at("usr").toString());

    assertNull(libraries().file(Library.NVRTC));
  }

  @Test
  void theFoldersOfTheSystemsLoaderAreReadFromItsConfiguration() throws IOException {
    have("", DRIVER);
    have("opt/nvidia", CUDA_13);
    have("etc", "ld.so.conf.d/nvidia.conf");
    Files.writeString(at("etc/ld.so.conf.d/nvidia.conf"), "# NVIDIA\n/opt/nvidia/lib\n");

    assertEquals(at("opt/nvidia/lib/libnvrtc.so.13"), libraries().file(Library.NVRTC));

    have("opt/own/lib", "libcuda.so.1");
    Files.writeString(at("etc/ld.so.conf"), "include ld.so.conf.d/*.conf\n/opt/own/lib\n");
    assertEquals(at("opt/own/lib/libcuda.so.1"), libraries().file(Library.DRIVER));
  }

  @ParameterizedTest
  @ValueSource(strings = {"lib64", "lib"})
  void aDriverThatAContainerWasGivenIsFoundWithoutConfiguration(String folder) throws IOException {
    have("usr/local/nvidia/" + folder, "libcuda.so.1");

    assertEquals(at("usr/local/nvidia/" + folder + "/libcuda.so.1"), libraries().file(Library.DRIVER));
  }

  @Test
  void aLinkIsReportedWithTheVersionOfItsFile() throws IOException {
    have("", DRIVER);
    have("usr/local/cuda-13.0/lib", "libcudnn.so.9.24.0");
    Files.createSymbolicLink(at("usr/local/cuda-13.0/lib/libcudnn.so.9"), Path.of("libcudnn.so.9.24.0"));

    assertTrue(libraries().log().contains("cuDNN: " + at("usr/local/cuda-13.0/lib/libcudnn.so.9") + " (libcudnn.so.9.24.0)"));
  }

  @Test
  void aDriverForCuda12GetsLibrariesOfCuda12() throws IOException {
    have("", DRIVER);
    have("usr/local/cuda-13.0", CUDA_13);
    have("usr/local/cuda-12.9", CUDA_12);
    driverVersion = 12090;

    assertEquals(at("usr/local/cuda-12.9/lib/libnvrtc.so.12"), libraries().file(Library.NVRTC));
  }

  @Test
  void theFirstCompleteMajorWinsEvenIfItIsTheOlderOne() throws IOException {
    have("", DRIVER);
    have("mine", CUDA_12);
    have("usr/local/cuda-13.0", CUDA_13);
    properties.put("flambeau.cuda.path", at("mine").toString());

    assertEquals(12, libraries().cudaMajor());
  }

  @Test
  void anIncompleteMajorYieldsToACompleteOne() throws IOException {
    have("", DRIVER);
    have("mine", "lib/libnvrtc.so.12");
    have("usr/local/cuda-13.0", CUDA_13);
    properties.put("flambeau.cuda.path", at("mine").toString());

    Libraries libraries = libraries();

    assertEquals(at("usr/local/cuda-13.0/lib/libnvrtc.so.13"), libraries.file(Library.NVRTC));
    assertEquals(at("usr/local/cuda-13.0/lib/libcublasLt.so.13"), libraries.file(Library.CUBLAS_LT));
  }

  @Test
  void withoutDriverOneSentenceSaysWhereItWasLookedForAndWhatToInstall() throws IOException {
    have("usr/lib/x86_64-linux-gnu", "libc.so.6");
    have("usr/local/cuda-13.0", CUDA_13);
    Libraries libraries = libraries();

    assertEquals("NVIDIA's driver was not found: there is no libcuda.so.1 in " + at("usr/lib/x86_64-linux-gnu") + ", " + at("usr/lib")
        + "; install NVIDIA's driver, 580 or newer for CUDA 13, 525 or newer for CUDA 12", problem(libraries, Library.DRIVER));
    assertNull(libraries.problem(Library.CUDNN));
    assertEquals("[cuda] " + problem(libraries, Library.DRIVER),
        assertThrows(BackendException.class, () -> libraries.open(Library.DRIVER)).getMessage());
  }

  @Test
  void theDriverIsNeverTakenFromAToolkit() throws IOException {
    have("usr/local/cuda-13.0/lib", "libcuda.so.1");

    assertNull(libraries().file(Library.DRIVER));
  }

  @Test
  void aDriverTooOldIsNamedWithItsVersion() throws IOException {
    have("", DRIVER);
    driverVersion = 11040;

    assertTrue(problem(libraries(), Library.DRIVER)
        .startsWith("NVIDIA's driver at " + at(DRIVER) + " serves CUDA 11.4 at most, but 12.0 is the oldest that is supported; install"));
  }

  @Test
  void aLibraryOfAnotherMajorIsNamedWithItsVersion() throws IOException {
    have("", DRIVER);
    have("usr/local/cuda-13.0/lib", "libnvrtc.so.13", "libcublasLt.so.13", "libcudnn.so.8");

    assertEquals("cuDNN was not found: there is no libcudnn.so.9 in " + at("usr/lib/x86_64-linux-gnu") + ", " + at("usr/lib") + ", "
        + at("usr/local/cuda-13.0/lib") + " (" + at("usr/local/cuda-13.0/lib/libcudnn.so.8") + " is version 8); "
        + "install it with `pip install nvidia-cudnn-cu13`, or name its folder by -Dflambeau.cuda.path",
        problem(libraries(), Library.CUDNN));
  }

  @Test
  void aLibraryThatCannotBeOpenedIsAProblemFromThenOn() throws IOException {
    have("", DRIVER);
    have("usr/local/cuda-13.0", CUDA_13);
    broken = "libcublasLt";
    Libraries libraries = libraries();

    assertThrows(BackendException.class, () -> libraries.open(Library.CUDNN));

    assertTrue(problem(libraries, Library.CUBLAS_LT).contains("libcublasLt.so.13 cannot be opened: file too short; install"));
  }

  @Test
  void theLogNamesEveryOriginAlsoThoseThatAreNotThere() throws IOException {
    have("", DRIVER);
    variables.put("CUDA_HOME", at("gone").toString());

    List<String> log = libraries().log();

    assertTrue(log.contains("NVRTC: no libnvrtc.so.13 where was looked, see below; install the CUDA toolkit 13 or `pip install "
        + "\"nvidia-cuda-nvrtc==13.*\"`, or name its folder by -Dflambeau.cuda.path"), log::toString);

    assertTrue(log.contains("looked in flambeau.cuda.path: not set"), log::toString);
    assertTrue(log.contains("looked in CUDA_HOME: no lib64 or lib in " + at("gone")), log::toString);
    assertTrue(log.contains("looked in system's loader: " + at("usr/lib/x86_64-linux-gnu") + ", " + at("usr/lib")), log::toString);
    assertTrue(log.contains("looked in /usr/local/cuda*: there is none"), log::toString);
  }

  @Test
  void theSystemsLoaderSaysWhyItRefuses() throws IOException {
    have("", DRIVER);

    String message = message(assertThrows(BackendException.class, () -> Linkage.SYSTEM.open(at(DRIVER))));

    assertTrue(message.contains(DRIVER + " cannot be opened: ") && message.endsWith("file too short"), message);
  }

  private static String message(BackendException e) {
    return String.valueOf(e.getMessage());
  }
}
