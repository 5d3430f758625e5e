package org.flambeau.cli.training;

import java.awt.Color;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.flambeau.io.AtomicFile;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The curves of loss and accuracy over the epochs, as a PNG.
public record CurvePlot(Path file) implements TrainingListener {
  private static final Logger LOG = LoggerFactory.getLogger(CurvePlot.class);
  private static final Color TRAINING = new Color(0x4C78A8);
  private static final Color VALIDATION = new Color(0xE45756);

  @Override
  public void epoch(List<EpochReport> history) {
    try {
      var charts = List.of(chart("loss", LegendPosition.InsideNE, history, Metrics::loss),
          chart("accuracy, %", LegendPosition.InsideSE, history, metrics -> 100 * metrics.accuracy()));
      AtomicFile.write(file, channel -> BitmapEncoder.saveBitmap(charts, 1, 2, Channels.newOutputStream(channel), BitmapFormat.PNG));
    } catch (NoClassDefFoundError | InternalError e) { // a JVM without fonts
      LOG.warn("{} is not drawn, since this Java cannot draw text; install fontconfig and a font: {}", file, e.toString());
    }
  }

  private static XYChart chart(String title, LegendPosition legend, List<EpochReport> history, ToDoubleFunction<Metrics> value) {
    XYChart chart = new XYChartBuilder().width(640).height(420).title(title).xAxisTitle("epoch").build();
    chart.getStyler().setLegendPosition(legend).setChartBackgroundColor(Color.WHITE).setPlotBorderVisible(false);
    chart.getStyler().setPlotGridLinesColor(new Color(0xDDDDDD)).setXAxisDecimalPattern("#");
    curve(chart, "training", TRAINING, history, report -> value.applyAsDouble(report.training()));
    List<EpochReport> validated = history.stream().filter(report -> report.validation() != null).toList();
    if (!validated.isEmpty()) {
      curve(chart, "validation", VALIDATION, validated, report -> {
        Metrics validation = report.validation();
        return validation == null ? Double.NaN : value.applyAsDouble(validation);
      });
    }
    return chart;
  }

  private static void curve(XYChart chart, String name, Color color, List<EpochReport> history, ToDoubleFunction<EpochReport> value) {
    var series = chart.addSeries(name, history.stream().mapToDouble(EpochReport::epoch).toArray(),
        history.stream().mapToDouble(value).toArray());
    series.setMarkerColor(color).setMarker(SeriesMarkers.CIRCLE).setLineColor(color);
  }
}
