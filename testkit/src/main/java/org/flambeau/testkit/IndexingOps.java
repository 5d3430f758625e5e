package org.flambeau.testkit;

import static org.flambeau.testkit.OpInfo.Check.TWO_DEVICES;
import static org.flambeau.testkit.OpInfo.binary;
import static org.flambeau.testkit.OpInfo.op;
import static org.flambeau.testkit.OpInfo.several;
import static org.flambeau.testkit.OpInfo.unary;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.flambeau.DType;
import org.flambeau.Index;
import org.flambeau.Reduce;
import org.flambeau.Tensor;

/// The operations that pick and place elements.
final class IndexingOps {
  private IndexingOps() {}

  private static final String NO_DIM = "Dimension out of range (expected to be in range of [-2, 1], but got 2)";
  private static final String OUTSIDE = "is out of bounds for dimension 0 with size 2";

  // spotless:off
  static final List<OpInfo> ALL = List.of(
      op("gather", (x, a) -> x.get(0).gather(a.integer("dim"), x.get(1)))
          .refuses(() -> m().gather(0, Tensor.ones(2, 3)), "[gather]", "int64", "float32")
          .refuses(() -> m().gather(0, longs(2, 4)), "[gather]", "(2, 4)", "(2, 3)")
          .refuses(() -> m().gather(0, longs(2)), "[gather]", "same number of dimensions", "(2,)", "(2, 3)")
          .refuses(() -> m().gather(0, longs(1, 3).add(2)), "[gather]", OUTSIDE)
          .refuses(() -> m().gather(2, longs(2, 3)), "[gather]", NO_DIM),
      op("take_along_dim", (x, a) -> x.get(0).takeAlongDim(x.get(1), a.integer("dim"))).records("gather")
          .refuses(() -> m().takeAlongDim(longs(2, 3), 2), NO_DIM).refuses(() -> m().takeAlongDim(m(), 0), "float32"),
      op("scatter", (x, a) -> x.get(0).scatter(a.integer("dim"), x.get(1), x.get(2))).inPlace((x, a) -> x.get(0).scatter_(a.integer("dim"), x.get(1), x.get(2)))
          .refuses(() -> m().scatter(0, longs(2, 3), Tensor.ones(1, 3)), "[scatter]", "(2, 3)", "(1, 3)")
          .refuses(() -> m().scatter(0, longs(1, 3).add(2), m()), "[scatter]", OUTSIDE)
          .refuses(() -> m().scatter(0, longs(2, 3), Tensor.ones(DType.FLOAT64, 2, 3)), "[scatter]", "float32", "float64"),
      op("scatter_value", (x, a) -> x.get(0).scatter(a.integer("dim"), x.get(1), a.number("value"))).methods("scatter", "scatter_").records("scatter.value")
          .inPlace((x, a) -> x.get(0).scatter_(a.integer("dim"), x.get(1), a.number("value")))
          .refuses(() -> m().scatter(0, longs(1, 3).add(2), 1.0), "[scatter]", OUTSIDE),
      op("scatter_add", (x, a) -> x.get(0).scatterAdd(a.integer("dim"), x.get(1), x.get(2)))
          .inPlace((x, a) -> x.get(0).scatterAdd_(a.integer("dim"), x.get(1), x.get(2)))
          .refuses(() -> m().scatterAdd(2, longs(2, 3), m()), NO_DIM),
      op("scatter_reduce", (x, a) -> x.get(0).scatterReduce(a.integer("dim"), x.get(1), x.get(2), reduce(a), a.flag("include_self")))
          .inPlace((x, a) -> x.get(0).scatterReduce_(a.integer("dim"), x.get(1), x.get(2), reduce(a), a.flag("include_self")))
          .records("scatter_reduce", "scatter_reduce.mean").refuses(() -> m().scatterReduce(2, longs(2, 3), m(), Reduce.SUM, true), NO_DIM),
      op("index_select", (x, a) -> x.get(0).indexSelect(a.integer("dim"), x.get(1)))
          .refuses(() -> m().indexSelect(0, Tensor.of(2L)), "[index_select]", "index 2", OUTSIDE)
          .refuses(() -> m().indexSelect(0, longs(2, 2)), "[index_select]", "2").refuses(() -> m().indexSelect(2, Tensor.of(0L)), "[index_select]", NO_DIM),
      op("index_add", (x, a) -> x.get(0).indexAdd(a.integer("dim"), x.get(1), x.get(2), a.number("alpha")))
          .inPlace((x, a) -> x.get(0).indexAdd_(a.integer("dim"), x.get(1), x.get(2), a.number("alpha")))
          .refuses(() -> m().indexAdd(0, Tensor.of(0L), Tensor.of(1)), "[index_add]", "float32", "int32")
          .refuses(() -> m().indexAdd(0, Tensor.of(2L), Tensor.ones(1, 3)), "[index_add]", OUTSIDE),
      op("index_copy", (x, a) -> x.get(0).indexCopy(a.integer("dim"), x.get(1), x.get(2)))
          .inPlace((x, a) -> x.get(0).indexCopy_(a.integer("dim"), x.get(1), x.get(2)))
          .refuses(() -> m().indexCopy(0, Tensor.of(0L), Tensor.ones(2, 3)), "[index_copy]", "1", "2"),
      op("index_fill", (x, a) -> x.get(0).indexFill(a.integer("dim"), x.get(1), a.number("value")))
          .inPlace((x, a) -> x.get(0).indexFill_(a.integer("dim"), x.get(1), a.number("value")))
          .refuses(() -> m().indexFill(0, Tensor.of(2L), 0), "[index_fill]", OUTSIDE),
      op("index_fill_tensor", (x, a) -> x.get(0).indexFill(a.integer("dim"), x.get(1), x.get(2))).methods("indexFill", "indexFill_").records("index_fill.tensor")
          .inPlace((x, a) -> x.get(0).indexFill_(a.integer("dim"), x.get(1), x.get(2)))
          .refuses(() -> m().indexFill(0, Tensor.of(0L), m()), "[index_fill]", "0-dimensional value tensor", "2"),
      op("index", (x, a) -> x.get(0).index(places(a, x.subList(1, x.size())).toArray(Index[]::new))).records("index", "index.mask").except(TWO_DEVICES, "takes positions from the CPU")
          .waits("mask", "the result's size depends on the mask")
          .refuses(() -> m().index(Index.at(2)), "index 2", OUTSIDE)
          .refuses(() -> m().index(Index.of(Tensor.of(2L))), "[index]", OUTSIDE)
          .refuses(() -> m().index(Index.at(0), Index.at(0), Index.at(0)), "[index]", "too many indices for tensor of dimension 2")
          .refuses(() -> m().index(Index.of(Tensor.of(true))), "[index]", "shape of the mask", "(1,)", "(2, 3)")
          .refuses(() -> m().index(Index.of(longs(2)), Index.of(longs(3))), "[index]", "could not be broadcast together", "(2,)", "(3,)"),
      op("index_put", (x, a) -> x.get(0).indexPut(places(a, x.subList(1, x.size() - 1)), x.getLast(), a.flag("accumulate")))
          .inPlace((x, a) -> x.get(0).indexPut_(places(a, x.subList(1, x.size() - 1)), x.getLast(), a.flag("accumulate")))
          .refuses(() -> m().indexPut(List.of(Index.of(longs(1))), Tensor.ones(2), false), "[index_put]", "(2,)", "(1, 3)"),
      binary("masked_select", Tensor::maskedSelect).waits("", "the result's size depends on the mask").refuses(() -> m().maskedSelect(m()), "[masked_select]", "float32"),
      op("masked_fill", (x, a) -> x.get(0).maskedFill(x.get(1), a.number("value"))).inPlace((x, a) -> x.get(0).maskedFill_(x.get(1), a.number("value")))
          .refuses(() -> m().maskedFill(Tensor.of(1f), 0), "[masked_fill]", "float32"),
      op("masked_fill_tensor", (x, _) -> x.get(0).maskedFill(x.get(1), x.get(2))).methods("maskedFill", "maskedFill_").records("masked_fill.tensor")
          .inPlace((x, _) -> x.get(0).maskedFill_(x.get(1), x.get(2)))
          .refuses(() -> m().maskedFill(m().gt(0), m()), "[masked_fill]", "0-dimensional value tensor", "2"),
      op("masked_scatter", (x, _) -> x.get(0).maskedScatter(x.get(1), x.get(2))).inPlace((x, _) -> x.get(0).maskedScatter_(x.get(1), x.get(2)))
          .refuses(() -> m().maskedScatter(m().gt(0), Tensor.ones(1)), "[masked_scatter]", "1", "6"),
      op("where", (x, _) -> Tensor.where(x.get(0).dtype() == DType.BOOL ? x.get(0) : x.get(0).gt(0), x.get(1), x.get(2)))
          .refuses(() -> Tensor.where(Tensor.of(1f), Tensor.of(1f), Tensor.of(2f)), "[where]", "boolean", "float32")
          .refuses(() -> Tensor.where(Tensor.of(true), Tensor.ones(2), Tensor.ones(3)), "[where]", "(2,)", "(3,)"),
      op("where_number", (x, a) -> x.get(0).where(x.get(1), a.number("other"))).methods("where").records("where")
          .refuses(() -> m().where(m(), 1.0), "[where]", "boolean", "float32"),
      op("where_number_left", (x, a) -> Tensor.where(x.get(0), a.number("other"), x.get(1))).methods("where").records("where")
          .refuses(() -> Tensor.where(m(), 1.0, m()), "[where]", "boolean", "float32"),
      unary("nonzero", Tensor::nonzero).methods("nonzero", "nonzeroTuple").waits("", "the result's size depends on the elements").refusesNothing("takes any tensor"),
      binary("take", Tensor::take).refuses(() -> m().take(Tensor.of(6L)), "[take]", "6"),
      op("bincount", (x, a) -> x.get(0).bincount(a.integer("minLength"))).records("scatter_add").waits("", "the result's size depends on the elements")
          .refuses(() -> Tensor.of(1f).bincount(), "[bincount]", "1-d non-negative integral inputs", "float32")
          .refuses(() -> Tensor.of(-1L, 1).bincount(), "[bincount]", "non-negative", "-1")
          .refuses(() -> Tensor.of(1L).bincount(-1), "[bincount]", "minlength should be >= 0, got -1"),
      op("bincount_weights", (x, a) -> x.get(0).bincount(x.get(1), a.integer("minLength"))).methods("bincount").records("scatter_add")
          .waits("", "the result's size depends on the elements")
          .refuses(() -> Tensor.of(1L).bincount(Tensor.ones(2), 0), "[bincount]", "same length", "(2,)", "(1,)"),
      op("one_hot", (x, a) -> x.get(0).oneHot(a.integer("classes"))).records("scatter.value")
          .refuses(() -> Tensor.of(3L).oneHot(3), "[one_hot]", "Class values must be smaller than num_classes")
          .refuses(() -> Tensor.of(-1L).oneHot(3), "[one_hot]", "Class values must be non-negative"),
      several("meshgrid", (x, a) -> Tensor.meshgrid(x, a.text("indexing"))).records("expand")
          .refuses(() -> Tensor.meshgrid(List.of(Tensor.ones(2)), "yx"), "[meshgrid]", "yx", "ij"),
      several("broadcast_tensors", (x, _) -> Tensor.broadcastTensors(x.toArray(Tensor[]::new))).records("expand").except(TWO_DEVICES, "gives views, each where its operand is")
          .refuses(() -> Tensor.broadcastTensors(Tensor.ones(2), Tensor.ones(3)), "[broadcast_tensors]", "(2,)", "(3,)"));
  // spotless:on

  private static Tensor m() {
    return Tensor.ones(2, 3);
  }

  private static Tensor longs(long... sizes) {
    return Tensor.zeros(DType.INT64, sizes);
  }

  private static Reduce reduce(Attributes a) {
    return Reduce.valueOf(a.text("reduce").toUpperCase(Locale.ROOT));
  }

  /// By the attribute `where`: t stands for the next tensor, : for all of a dimension.
  private static List<Index> places(Attributes a, List<Tensor> tensors) {
    Iterator<Tensor> next = tensors.iterator();
    List<Index> places = new ArrayList<>();
    a.text("where").chars().forEach(c -> places.add(c == ':' ? Index.all() : Index.of(next.next())));
    return places;
  }
}
