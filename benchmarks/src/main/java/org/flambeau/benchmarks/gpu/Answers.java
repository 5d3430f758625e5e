package org.flambeau.benchmarks.gpu;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.cli.bench.Json;
import org.jspecify.annotations.Nullable;

/// The inner side of a [WorkerProcess]: answers each line of the standard input with one line of JSON, whatever goes wrong.
final class Answers {
  /// What is asked for.
  interface Question {
    Map<String, Object> answer(Device device, String item) throws Exception;
  }

  private Answers() {}

  /// Answers until nobody asks any more, or until the GPU is beyond use, which a fault leaves it in for the rest of the process.
  static void serve(String device, Question question) throws IOException {
    PrintStream out = System.out;
    System.setOut(System.err);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String item = in.readLine(); item != null; item = in.readLine()) {
      Map<String, Object> answer = new LinkedHashMap<>();
      try {
        answer.putAll(question.answer(Device.parse(device), item));
      } catch (Exception | LinkageError | AssertionError | OutOfMemoryError | StackOverflowError e) {
        e.printStackTrace();
        answer.put("error", e.toString());
      }
      String fault = fault(device);
      if (fault != null) {
        answer.put("fault", fault);
      }
      out.println(WorkerProcess.ANSWER + Json.write(answer));
      out.flush();
      if (fault != null) {
        Runtime.getRuntime().halt(1);
      }
    }
    Runtime.getRuntime().halt(0);
  }

  private static @Nullable String fault(String device) {
    try {
      Tensor.ones(1).to(Device.parse(device)).cpu();
      return null;
    } catch (RuntimeException | LinkageError e) {
      return e.toString();
    }
  }
}
