package org.flambeau.cli;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What the machine and the JVM offer.
public final class Machine {
  private static final Pattern FIELD = Pattern.compile("\\s*:\\s*");
  private static final Pattern SPACES = Pattern.compile("\\s+");

  /// Instruction sets that decide how fast models run.
  private static final List<String> INSTRUCTION_SETS = List.of("avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_bf16",
      "avx512_fp16",
      "avx512_vnni", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8");

  private Machine() {}

  /// Facts, each under its name, in the order of printing.
  public static Map<String, String> facts() {
    Map<String, String> facts = new LinkedHashMap<>();
    List<String> processors = lines("/proc/cpuinfo");
    facts.put("processor", values(processors, "model name").findFirst().orElse(System.getProperty("os.arch")));
    facts.put("cores", cores(processors));
    List<String> flags = List.of(SPACES.split(values(processors, "flags").findFirst().orElse("")));
    facts.put("instruction sets", INSTRUCTION_SETS.stream().filter(flags::contains).collect(Collectors.joining(" ")));
    facts.put("memory", memory());
    facts.put("huge pages", hugePages());
    facts.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version") + ", " + System.getProperty("os.arch"));
    facts.put("java", javaVersion() + ", " + System.getProperty("java.home"));
    facts.put("java heap", "at most " + Quantities.bytes(Runtime.getRuntime().maxMemory()) + ", "
        + ManagementFactory.getGarbageCollectorMXBeans().stream().map(GarbageCollectorMXBean::getName).collect(Collectors.joining(", ")));
    facts.put("flambeau", flambeauVersion());
    return facts;
  }

  static String javaVersion() {
    return Runtime.version() + " (" + System.getProperty("java.vendor") + ")";
  }

  static String flambeauVersion() {
    var descriptor = Main.class.getModule().getDescriptor();
    return descriptor == null ? "on the class path" : descriptor.rawVersion().orElse("of no version");
  }

  private static String cores(List<String> processors) {
    long logical = values(processors, "processor").count();
    return Runtime.getRuntime().availableProcessors() + " usable" + (logical > 0 ? " of " + logical : "");
  }

  /// What a container's limit leaves is what the JVM reports; the whole is what the kernel reports.
  private static String memory() {
    if (!(ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system)) {
      return "unknown";
    }
    long usable = system.getTotalMemorySize();
    long whole = values(lines("/proc/meminfo"), "MemTotal").findFirst().map(text -> Long.parseLong(SPACES.split(text)[0]) * 1024)
        .orElse(usable);
    return Quantities.bytes(whole) + (usable < whole ? ", limited to " + Quantities.bytes(usable) + " by the container" : "") + "; "
        + Quantities.bytes(system.getFreeMemorySize()) + " free";
  }

  private static String hugePages() {
    String modes = lines("/sys/kernel/mm/transparent_hugepage/enabled").stream().findFirst().orElse("");
    int open = modes.indexOf('['), close = modes.indexOf(']');
    return open < 0 ? "none that are transparent" : "transparent: " + modes.substring(open + 1, close);
  }

  private static Stream<String> values(List<String> lines, String name) {
    return lines.stream().map(line -> FIELD.split(line, 2)).filter(parts -> parts.length == 2 && parts[0].equals(name))
        .map(parts -> parts[1]);
  }

  /// The lines of a file that the kernel offers, none where it does not.
  static List<String> lines(String file) {
    try {
      return Files.readAllLines(Path.of(file));
    } catch (IOException e) {
      return List.of();
    }
  }
}
