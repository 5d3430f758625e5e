package org.flambeau.backend.cpu.amx;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Collections;
import java.util.HexFormat;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// [BlockProduct] on the matrix unit of Intel's Advanced Matrix Extensions: four tiles of sums, two of each factor.
///
/// The Java platform has no way to these instructions, so this is machine code. Reference: Intel 64 and IA-32 Architectures Software Developer's
/// Manual, volume 1, chapter 18.
final class AmxProduct implements BlockProduct {
  /// The code, and what it means in the syntax of the GNU assembler. Its arguments are those of [#run], in the registers of the System V interface.
  static final String LISTING = """
                            .intel_syntax noprefix
      53                    push rbx
      55                    push rbp
      4154                  push r12
      c4e2784905e1000000    ldtilecfg [rip + tiles]
      41bb80000000          mov r11d, 128                  # from row to row of C, and of B
                            block:
      4d85c0                test r8, r8
      7516                  jne adding
      c4e27b49c0            tilezero tmm0
      c4e27b49c8            tilezero tmm1
      c4e27b49d0            tilezero tmm2
      c4e27b49d8            tilezero tmm3
      eb21                  jmp begin
                            adding:
      c4a27b4b041f          tileloadd tmm0, [rdi + r11]
      c4a27b4b4c1f40        tileloadd tmm1, [rdi + r11 + 64]
      c4a27b4b941f00080000  tileloadd tmm2, [rdi + r11 + 2048]
      c4a27b4b9c1f40080000  tileloadd tmm3, [rdi + r11 + 2112]
                            begin:
      4989d2                mov r10, rdx
      4c8b642428            mov r12, [rsp + 40]            # parts
                            part:
      488b06                mov rax, [rsi]                 # the first 16 rows of A
      4c89cb                mov rbx, r9
      48c1e304              shl rbx, 4
      4801c3                add rbx, rax                   # the others
      4883c608              add rsi, 8
      4889cd                mov rbp, rcx
                            step:
      c4a27b4b2408          tileloadd tmm4, [rax + r9]
      c4827b4b341a          tileloadd tmm6, [r10 + r11]
      c4827b4b7c1a40        tileloadd tmm7, [r10 + r11 + 64]
      c4e24a5cc4            tdpbf16ps tmm0, tmm4, tmm6
      c4e2425ccc            tdpbf16ps tmm1, tmm4, tmm7
      c4a27b4b2c0b          tileloadd tmm5, [rbx + r9]
      c4e24a5cd5            tdpbf16ps tmm2, tmm5, tmm6
      c4e2425cdd            tdpbf16ps tmm3, tmm5, tmm7
      4883c040              add rax, 64
      4883c340              add rbx, 64
      4981c200080000        add r10, 2048
      48ffcd                dec rbp
      75bf                  jne step
      49ffcc                dec r12
      75a6                  jne part
      c4a27a4b041f          tilestored [rdi + r11], tmm0
      c4a27a4b4c1f40        tilestored [rdi + r11 + 64], tmm1
      c4a27a4b941f00080000  tilestored [rdi + r11 + 2048], tmm2
      c4a27a4b9c1f40080000  tilestored [rdi + r11 + 2112], tmm3
      4881c700100000        add rdi, 4096
      48ff4c2420            dec qword ptr [rsp + 32]       # blocks
      0f852fffffff          jne block
      c4e27849c0            tilerelease
      415c                  pop r12
      5d                    pop rbp
      5b                    pop rbx
      c3                    ret
                            tiles:                         # palette 1: eight tiles, each of 16 rows of 64 bytes
      0100000000000000      .quad 1
      0000000000000000      .quad 0
      4000400040004000      .quad 0x0040004000400040
      4000400040004000      .quad 0x0040004000400040
      0000000000000000      .quad 0
      0000000000000000      .quad 0
      1010101010101010      .quad 0x1010101010101010
      0000000000000000      .quad 0
      """;

  /// Columns of the listing that hold the code.
  static final int CODE_COLUMNS = 22;

  private static final MethodHandle NONE = MethodHandles.empty(MethodType.methodType(void.class, Collections.nCopies(8, long.class)));
  /// A constant, so that the JIT writes the call into its callers.
  private static final MethodHandle CODE = Objects.requireNonNullElse(load(), NONE);

  /// Null where the operating system does not let this process use the unit. Whether the processor has one for bfloat16 is to be known before.
  static final @Nullable BlockProduct PRESENT = CODE == NONE ? null : new AmxProduct();

  private AmxProduct() {}

  private static @Nullable MethodHandle load() {
    return MachineCode.mayUseTiles() ? MachineCode.load(code(), Collections.nCopies(8, JAVA_LONG)) : null;
  }

  static byte[] code() {
    return HexFormat.of().parseHex(LISTING.lines().map(line -> line.substring(0, Math.min(line.length(), CODE_COLUMNS)).strip())
        .collect(Collectors.joining()));
  }

  @Override
  public void run(long c, long a, long b, long steps, long adding, long aRow, long count, long parts) {
    try {
      CODE.invokeExact(c, a, b, steps, adding, aRow, count, parts);
    } catch (Throwable e) {
      throw new AssertionError("machine code threw", e);
    }
  }
}
