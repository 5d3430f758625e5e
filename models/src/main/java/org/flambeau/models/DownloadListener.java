package org.flambeau.models;

import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Hears how far a download is.
@FunctionalInterface
public interface DownloadListener {
  /// Hears that `done` of `total` bytes are here.
  ///
  /// @param done how many bytes are here, those of an earlier attempt too
  /// @param total how many there will be, or −1 where the server does not say
  void progress(long done, long total);

  /// Logs every tenth of `name`.
  static DownloadListener logging(String name) {
    Logger log = LoggerFactory.getLogger(DownloadListener.class);
    long[] tenth = {-1};
    return (done, total) -> {
      long now = total <= 0 ? 0 : 10 * done / total;
      if (now != tenth[0]) {
        tenth[0] = now;
        log.info("{}: {} of {} MiB", name, mebibytes(done), total < 0 ? "?" : mebibytes(total));
      }
    };
  }

  private static String mebibytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f", bytes / (1024.0 * 1024.0));
  }
}
