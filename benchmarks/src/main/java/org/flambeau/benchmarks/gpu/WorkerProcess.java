package org.flambeau.benchmarks.gpu;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.flambeau.cli.bench.Json;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/// A process that is asked one thing after the other. One that crashes, hangs or loses its GPU costs the answer to what it was asked
/// then: the next question goes to a new process.
final class WorkerProcess implements AutoCloseable {
  /// How a line begins that is an answer.
  static final String ANSWER = "@answer ";
  private static final String END = "";
  private static final String NO_ANSWER = "no answer within ";
  private static final int SHOWN_LINES = 12;
  /// How long a process may take to be gone.
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final List<String> command;
  private final Path log;
  private @Nullable Process process;
  /// Bytes of the log that processes before this one have written.
  private long said;
  private BlockingQueue<String> answers = new LinkedBlockingQueue<>();

  /// @param command starts a process that answers
  /// @param log where what it says else goes
  WorkerProcess(List<String> command, Path log) {
    this.command = command;
    this.log = log;
  }

  /// The answer; or [Results#NOT_RUN] where `end` came before it and before `longest`.
  Map<String, Object> ask(String question, Duration longest, Instant end) {
    Duration left = Duration.between(Instant.now(), end);
    if (left.compareTo(longest) >= 0) {
      return ask(question, longest);
    }
    Map<String, Object> answer = left.isPositive() ? ask(question, left) : Map.of();
    boolean late = answer.isEmpty() || answer.get("error") instanceof String error && error.startsWith(NO_ANSWER);
    return late ? Map.of("error", Results.NOT_RUN) : answer;
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
        return Map.of("error", NO_ANSWER + limit.toSeconds() + " s");
      }
      if (answer.equals(END)) {
        String how = running.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS) ? "ended with status " + running.exitValue()
            : "answers no more";
        close();
        return Map.of("error", "the process " + how + ": " + lastWords());
      }
      Map<String, Object> values = Json.readObject(answer);
      if (values.containsKey("fault")) {
        close();
      }
      return values;
    } catch (IOException | JacksonException e) {
      close();
      return Map.of("error", "the process cannot be asked: " + e.getMessage() + ": " + lastWords());
    } catch (InterruptedException e) {
      close();
      throw new IllegalStateException(e);
    }
  }

  private Process start() throws IOException {
    said = Files.exists(log) ? Files.size(log) : 0;
    Process started = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(log.toFile())).start();
    process = started;
    answers = new LinkedBlockingQueue<>();
    BufferedReader out = started.inputReader(StandardCharsets.UTF_8);
    BlockingQueue<String> to = answers;
    Thread.ofVirtual().start(() -> {
      try (Stream<String> lines = out.lines()) {
        lines.filter(line -> line.startsWith(ANSWER)).forEach(line -> to.add(line.substring(ANSWER.length())));
      } catch (UncheckedIOException _) {
        // the process was ended
      } finally {
        to.add(END);
      }
    });
    return started;
  }

  private String lastWords() {
    try {
      byte[] all = Files.readAllBytes(log);
      List<String> lines = new String(all, (int) said, all.length - (int) said, StandardCharsets.UTF_8).lines().toList();
      return String.join("\n", lines.subList(Math.max(0, lines.size() - SHOWN_LINES), lines.size()));
    } catch (IOException e) {
      return "its log cannot be read: " + e.getMessage();
    }
  }

  /// Ends the process, which has its memory of the GPU until it is gone.
  @Override
  public void close() {
    Process ended = process;
    process = null;
    if (ended != null) {
      ended.destroyForcibly().onExit().completeOnTimeout(ended, PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    }
  }
}
