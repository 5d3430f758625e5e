package org.flambeau.cli.training;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import javax.imageio.ImageIO;
import org.flambeau.io.CheckpointException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogsTest {
  private static final EpochReport FIRST = new EpochReport(1, 10, 0.1, new Metrics(1.5, 0.25, 80), new Metrics(1.25, 0.5, 20), null, 400,
      0.25);
  private static final EpochReport SECOND = new EpochReport(2, 20, 0.05, new Metrics(0.75, 0.875, 80), null, new LossScale(32768, 1),
      410.04, 0.2);

  @TempDir private Path folder;

  @Test
  void theTableHasARowForEachEpochWhateverTheLocale() throws Exception {
    var log = new CsvLog(folder.resolve("log.csv"));
    log.epoch(List.of(FIRST));
    log.epoch(List.of(FIRST, SECOND));

    assertEquals(
        """
            epoch,step,learning_rate,training_loss,training_accuracy,validation_loss,validation_accuracy,loss_scale,skipped_steps,images_per_second,seconds
            1,10,0.1,1.500000,0.250000,1.250000,0.500000,,,400.0,0.3
            2,20,0.05,0.750000,0.875000,,,32768.0,1,410.0,0.2
            """,
        Files.readString(log.file()));
  }

  @Test
  void theCurvesAreAPngOfTwoCharts() throws Exception {
    var plot = new CurvePlot(folder.resolve("curves.png"));
    plot.epoch(List.of(FIRST));
    plot.epoch(List.of(FIRST, SECOND));

    var image = ImageIO.read(plot.file().toFile());
    assertEquals(1280, image.getWidth());
    assertEquals(420, image.getHeight());
  }

  @Test
  void aLogThatCannotBeWrittenSaysWhich() {
    var log = new CsvLog(folder.resolve("absent/log.csv"));

    var error = assertThrows(CheckpointException.class, () -> log.epoch(List.of(FIRST)));

    assertTrue(String.valueOf(error.getMessage()).startsWith(log.file() + ": could not be written"), error.getMessage());
  }

  /// The bytes that TensorBoard's own writer makes of the same event, but for the time.
  @Test
  void anEventIsAFramedMessageOfProtobuf() throws Exception {
    try (var events = EventFile.create(folder)) {
      events.scalars(300, Map.of("loss", 0.5));
    }

    ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(onlyFile())).order(ByteOrder.LITTLE_ENDIAN);
    byte[] version = record(file), scalar = record(file);
    assertEquals(0, file.remaining());
    assertEquals(0x09, version[0]);
    assertEquals("\u001a\rbrain.Event:2", new String(version, 9, version.length - 9, UTF_8));
    assertEquals(0x09, scalar[0]);
    assertArrayEquals(
        new byte[] {0x10, (byte) 0xac, 0x02, 0x2a, 13, 0x0a, 11, 0x0a, 4, 'l', 'o', 's', 's', 0x15, 0, 0, 0, 0x3f},
        Arrays.copyOfRange(scalar, 9, scalar.length));
  }

  @Test
  void longTagsAndManyValuesGrowAMessage() throws Exception {
    String tag = "t".repeat(1000);
    try (var events = EventFile.create(folder)) {
      events.scalars(1, Map.of(tag, 1.0));
    }

    ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(onlyFile())).order(ByteOrder.LITTLE_ENDIAN);
    record(file);
    assertTrue(new String(record(file), UTF_8).contains(tag));
  }

  private Path onlyFile() throws Exception {
    try (var files = Files.list(folder)) {
      return files.toList().getFirst();
    }
  }

  private static byte[] record(ByteBuffer file) {
    byte[] length = new byte[8];
    file.get(length);
    assertEquals(maskedCrc(length), file.getInt());
    byte[] data = new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
    file.get(data);
    assertEquals(maskedCrc(data), file.getInt());
    return data;
  }

  private static int maskedCrc(byte[] data) {
    var crc = new CRC32C();
    crc.update(data);
    return (int) ((crc.getValue() >>> 15 | crc.getValue() << 17) + 0xa282ead8L);
  }
}
