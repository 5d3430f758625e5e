package org.flambeau.benchmarks.gpu;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A process that is asked one thing after the other. One that crashes, hangs or loses its GPU costs the answer to what it was asked
/// then: the next question goes to a new process.
final class WorkerProcess implements AutoCloseable {
  /// How a line begins that is an answer.
  static final String ANSWER = "@answer ";
  private static final String END = "";
  private static final int SHOWN_LINES = 12;

  private final List<String> command;
  private final Path log;
  private @Nullable Process process;
  private BlockingQueue<String> answers = new LinkedBlockingQueue<>();

  /// @param command starts a process that answers
  /// @param log where what it says else goes
  WorkerProcess(List<String> command, Path log) {
    this.command = command;
    this.log = log;
  }

  /// The answer; or `error` alone where there was none.
  Map<String, Object> ask(String question, Duration limit) {
    try {
      Process running = process;
      if (running == null || !running.isAlive()) {
        running = start();
      }
      BufferedWriter questions = running.outputWriter(StandardCharsets.UTF_8);
      questions.write(question);
      questions.newLine();
      questions.flush();
      String answer = answers.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
      if (answer == null) {
        close();
        return Map.of("error", "no answer within " + limit.toSeconds() + " s");
      }
      if (answer.equals(END)) {
        return Map.of("error", "the process ended with status " + running.waitFor() + ": " + lastWords());
      }
      Map<String, Object> values = Json.readObject(answer);
      if (values.containsKey("fault")) {
        close();
      }
      return values;
    } catch (IOException e) {
      close();
      return Map.of("error", "the process cannot be asked: " + e.getMessage() + ": " + lastWords());
    } catch (InterruptedException e) {
      close();
      throw new IllegalStateException(e);
    }
  }

  private Process start() throws IOException {
    Files.writeString(log, ""); // what a process before it said has been told
    Process started = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(log.toFile())).start();
    process = started;
    answers = new LinkedBlockingQueue<>();
    BufferedReader out = started.inputReader(StandardCharsets.UTF_8);
    BlockingQueue<String> to = answers;
    Thread.ofVirtual().start(() -> {
      try (Stream<String> lines = out.lines()) {
        lines.filter(line -> line.startsWith(ANSWER)).forEach(line -> to.add(line.substring(ANSWER.length())));
      } finally {
        to.add(END);
      }
    });
    return started;
  }

  private String lastWords() {
    try {
      List<String> lines = Files.readAllLines(log);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - SHOWN_LINES), lines.size()));
    } catch (IOException e) {
      return "its log cannot be read: " + e.getMessage();
    }
  }

  @Override
  public void close() {
    if (process != null) {
      process.destroyForcibly();
    }
  }
}
