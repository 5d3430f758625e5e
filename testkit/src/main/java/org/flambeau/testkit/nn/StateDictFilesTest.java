package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.io.CheckpointException;
import org.flambeau.io.TorchFile;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.StateDict;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A model's state goes to a file and back.
final class StateDictFilesTest {
  @TempDir Path folder;

  private static Module model() {
    return new Sequential(new Linear(40, 60), new BatchNorm2d(3));
  }

  @ParameterizedTest
  @ValueSource(strings = {"x.safetensors", "x.pth", "x.PT"})
  void a_state_comes_back_from_its_file(String name) {
    Module saved = model();
    Path file = folder.resolve(name);
    saved.stateDict().save(file);
    Module loaded = model();
    loaded.loadStateDict(StateDict.load(file));
    assertEquals(saved.stateDict().keySet(), loaded.stateDict().keySet());
    saved.stateDict().forEach((key, tensor) -> assertArrayEquals(tensor.toDoubleArray(), loaded.stateDict().get(key).toDoubleArray()));
  }

  @Test
  void a_pth_tells_the_modules_versions_as_pytorch_does() {
    Path file = folder.resolve("x.pth");
    model().stateDict().save(file);
    assertEquals(Map.of("", 1L, "0", 1L, "1", 2L), TorchFile.loadState(file).versions());
  }

  @Test
  void a_module_goes_on_from_a_part_of_a_checkpoint() {
    Path file = folder.resolve("x.pth");
    Module saved = model();
    Module loaded = model();
    TorchFile.save(file, Map.of("model", saved.stateDict(), "random", Random.getState(), "epoch", 3));
    Map<?, ?> checkpoint = (Map<?, ?>) TorchFile.load(file);
    loaded.loadStateDict((Map<?, ?>) checkpoint.get("model"));
    saved.stateDict().forEach((key, tensor) -> assertArrayEquals(tensor.toDoubleArray(), loaded.stateDict().get(key).toDoubleArray()));
    float[] drawn = Tensor.rand(3).toFloatArray();
    Tensor state = (Tensor) Objects.requireNonNull(checkpoint.get("random"));
    Random.setState(state);
    assertArrayEquals(drawn, Tensor.rand(3).toFloatArray());
    Random.setState(Tensor.stack(List.of(state, state), 1).select(1, 0));
    assertArrayEquals(drawn, Tensor.rand(3).toFloatArray());
    assertEquals(
        "[state_dict] expected a tensor for model, got a " + Objects.requireNonNull(checkpoint.get("model")).getClass().getSimpleName()
            + ": a checkpoint's parts are loaded one by one",
        assertThrows(IllegalArgumentException.class, () -> loaded.loadStateDict(Map.of("model", checkpoint.get("model")))).getMessage());
    assertEquals("[set_rng_state] expected a vector of uint8, got " + Tensor.ones(2).describe(),
        assertThrows(IllegalArgumentException.class, () -> Random.setState(Tensor.ones(2))).getMessage());
  }

  @Test
  void what_is_loaded_can_be_changed_and_used_like_any_tensor() {
    Path file = folder.resolve("x.pth");
    TorchFile.save(file, Map.of("w", Tensor.arange(3000), "s", Tensor.scalar(2)));
    Map<String, Tensor> state = TorchFile.loadTensors(file);
    Tensor w = state.get("w");
    assertFalse(w.requiresGrad());
    w.mul_(state.get("s")).add_(1);
    assertEquals(2999 * 3000.0 + 3000, w.to(DType.FLOAT64).sum().toDouble());
    assertEquals(2999, TorchFile.loadTensors(file).get("w").select(0, 2999).toLong());
  }

  /// A file of the current version that lacks the count is incomplete; one that names no version may be older.
  @Test
  void the_version_in_a_file_decides_what_may_be_missing() {
    StateDict state = model().stateDict();
    state.remove("1.num_batches_tracked");
    state.save(folder.resolve("new.pth"));
    state.save(folder.resolve("unversioned.safetensors"));

    String message = assertThrows(IllegalArgumentException.class,
        () -> model().loadStateDict(StateDict.load(folder.resolve("new.pth")))).getMessage();
    assertEquals("Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: \"1.num_batches_tracked\". ", message);
    model().loadStateDict(StateDict.load(folder.resolve("unversioned.safetensors")));
  }

  @Test
  void content_and_not_the_name_says_what_a_file_is() throws IOException {
    StateDict state = model().stateDict();
    for (String name : List.of("x.safetensors", "x.pth")) {
      state.save(folder.resolve(name));
      Files.move(folder.resolve(name), folder.resolve("checkpoint"), StandardCopyOption.REPLACE_EXISTING);
      assertEquals(state.keySet(), StateDict.load(folder.resolve("checkpoint")).keySet());
    }
  }

  @Test
  void names_of_other_kinds_are_refused() {
    for (String name : List.of("x.bin", "pth")) {
      Path file = folder.resolve(name);
      assertEquals(file + ": expected a name that ends in .safetensors, .pth or .pt",
          assertThrows(CheckpointException.class, () -> model().stateDict().save(file)).getMessage());
    }
  }
}
