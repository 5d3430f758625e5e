package org.flambeau.models;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/// A server of one file on this machine, which can fail in the ways that servers do.
final class WeightsServer implements AutoCloseable {
  final byte[] content;
  final List<String> ranges = new CopyOnWriteArrayList<>();
  private final HttpServer server;
  private volatile boolean resumable = true;
  private volatile int status = 200;
  private volatile int breaks;
  private volatile int breakAfter;

  WeightsServer(byte[] content) throws IOException {
    this.content = content;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  /// Always sends the whole file.
  WeightsServer notResumable() {
    resumable = false;
    return this;
  }

  /// Only ever answers with `status`.
  WeightsServer answering(int status) {
    this.status = status;
    return this;
  }

  /// The first `times` answers end after `bytes` bytes.
  WeightsServer breakingOff(int times, int bytes) {
    breaks = times;
    breakAfter = bytes;
    return this;
  }

  URI folder() {
    return URI.create("http://" + server.getAddress().getHostString() + ":" + server.getAddress().getPort() + "/");
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String range = exchange.getRequestHeaders().getFirst("Range");
      ranges.add(range == null ? "" : range);
      if (status != 200) {
        exchange.sendResponseHeaders(status, -1);
        return;
      }
      int from = range == null || !resumable ? 0 : Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
      if (from >= content.length) {
        exchange.sendResponseHeaders(416, -1);
        return;
      }
      if (from > 0) {
        exchange.getResponseHeaders().set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
      }
      exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
      boolean breaksOff = ranges.size() <= breaks;
      exchange.getResponseBody().write(content, from, breaksOff ? breakAfter : content.length - from);
      exchange.getResponseBody().flush();
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
