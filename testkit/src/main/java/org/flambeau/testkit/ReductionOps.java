package org.flambeau.testkit;

import static org.flambeau.testkit.OpInfo.op;
import static org.flambeau.testkit.OpInfo.several;
import static org.flambeau.testkit.OpInfo.unary;

import java.util.List;
import org.flambeau.Selected;
import org.flambeau.StdMean;
import org.flambeau.Tensor;
import org.flambeau.UniqueElements;
import org.flambeau.VarMean;

/// The operations that make one element of many, that run along a dimension, or order it.
final class ReductionOps {
  private ReductionOps() {}

  private static final String NO_DIM = "Dimension out of range (expected to be in range of [-2, 1], but got 2)";
  private static final String NO_ELEMENTS = "Expected reduction dim 0 to have non-zero size";

  // spotless:off
  static final List<OpInfo> ALL = List.of(
      over("sum", Tensor::sum).records("sum", "sum.dims"),
      over("nansum", Tensor::nansum),
      over("mean", Tensor::mean).records("mean", "mean.dims").refuses(() -> Tensor.of(1).mean(), "[mean]", "int32", "floating point"),
      over("nanmean", Tensor::nanmean).records("nansum"),
      over("prod", Tensor::prod).records("prod", "prod.dims"),
      over("amax", Tensor::amax).rough("ties", "has no derivative there").refuses(() -> Tensor.ones(0, 2).amax(0), "[amax]", NO_ELEMENTS, "(0, 2)"),
      over("amin", Tensor::amin).refuses(() -> Tensor.ones(0, 2).amin(0), "[amin]", NO_ELEMENTS, "(0, 2)"),
      over("logsumexp", Tensor::logsumexp),
      over("any", Tensor::any),
      over("all", Tensor::all),
      op("count_nonzero", (x, a) -> x.get(0).countNonzero(a.integers("dims"))).records("sum.dims", "ne").refuses(() -> m().countNonzero(2), NO_DIM),
      op("var", (x, a) -> x.get(0).var(a.integers("dims"), a.number("correction"), a.flag("keepdim")))
          .refuses(() -> Tensor.of(1).var(), "[var]", "int32"),
      op("std", (x, a) -> x.get(0).std(a.integers("dims"), a.number("correction"), a.flag("keepdim")))
          .refuses(() -> Tensor.of(1).std(), "[std]", "int32"),
      several("var_mean", (x, a) -> {
        VarMean both = x.get(0).varMean(a.integers("dims"), a.number("correction"), a.flag("keepdim"));
        return List.of(both.var(), both.mean());
      }).refuses(() -> Tensor.of(1).varMean(new int[0], 1, false), "[var_mean]", "int32"),
      several("std_mean", (x, a) -> {
        StdMean both = x.get(0).stdMean(a.integers("dims"), a.number("correction"), a.flag("keepdim"));
        return List.of(both.std(), both.mean());
      }).refuses(() -> Tensor.of(1).stdMean(new int[0], 1, false), "[std_mean]", "int32"),
      op("norm", (x, a) -> x.get(0).norm(a.number("p"), a.integers("dims"), a.flag("keepdim"))).tolerance(4)
          .rough("of zero", "has no derivative there").rough("order 0.0", "is constant").refuses(() -> Tensor.of(1).norm(), "[norm]", "int32"),

      selected("max_dim", (x, a) -> x.max(a.integer("dim"), a.flag("keepdim"))).methods("max").records("max.dim")
          .refuses(() -> m().max(2), "[max]", NO_DIM).refuses(() -> Tensor.ones(0, 2).max(0), "[max]", NO_ELEMENTS),
      selected("min_dim", (x, a) -> x.min(a.integer("dim"), a.flag("keepdim"))).methods("min").records("min.dim")
          .refuses(() -> m().min(2), "[min]", NO_DIM).refuses(() -> Tensor.ones(0, 2).min(0), "[min]", NO_ELEMENTS),
      selected("median_dim", (x, a) -> x.median(a.integer("dim"), a.flag("keepdim"))).methods("median").records("median.dim")
          .refuses(() -> m().median(2), "[median]", NO_DIM),
      unary("max", Tensor::max).refuses(() -> Tensor.ones(0).max(), "[max]", "Expected reduction dim to be specified for input.numel() == 0"),
      unary("min", Tensor::min).refuses(() -> Tensor.ones(0).min(), "[min]", "Expected reduction dim to be specified for input.numel() == 0"),
      selected("nanmedian_dim", (x, a) -> x.nanmedian(a.integer("dim"), a.flag("keepdim"))).methods("nanmedian").records("nanmedian.dim")
          .refuses(() -> m().nanmedian(2, false), "[nanmedian]", NO_DIM).refuses(() -> Tensor.ones(0, 2).nanmedian(0, false), "[nanmedian]", NO_ELEMENTS),
      unary("nanmedian", Tensor::nanmedian).rough("all", "NaN has no neighbours").refuses(() -> Tensor.of(true).nanmedian(), "[nanmedian]", "bool"),
      selected("mode", (x, a) -> x.mode(a.integer("dim"), a.flag("keepdim"))).rough("dim", "has no derivative where elements are equal")
          .refuses(() -> m().mode(2, false), "[mode]", NO_DIM).refuses(() -> Tensor.ones(0, 2).mode(0, false), "[mode]", NO_ELEMENTS),
      unary("median", Tensor::median).refuses(() -> Tensor.of(true).median(), "[median]", "bool"),
      op("argmax", (x, a) -> x.get(0).argmax(a.integer("dim"), a.flag("keepdim"))).refuses(() -> m().argmax(2), "[argmax]", NO_DIM),
      op("argmin", (x, a) -> x.get(0).argmin(a.integer("dim"), a.flag("keepdim"))).refuses(() -> m().argmin(2), "[argmin]", NO_DIM),
      unary("argmax_all", Tensor::argmax).methods("argmax").records("argmax").refuses(() -> Tensor.ones(0).argmax(), "[argmax]", "Expected reduction dim to be specified"),
      unary("argmin_all", Tensor::argmin).methods("argmin").records("argmin").refuses(() -> Tensor.ones(0).argmin(), "[argmin]", "Expected reduction dim to be specified"),

      along("cumsum", Tensor::cumsum), along("cumprod", Tensor::cumprod), along("logcumsumexp", Tensor::logcumsumexp),
      selected("cummax", (x, a) -> x.cummax(a.integer("dim"))).refuses(() -> m().cummax(2), "[cummax]", NO_DIM),
      selected("cummin", (x, a) -> x.cummin(a.integer("dim"))).refuses(() -> m().cummin(2), "[cummin]", NO_DIM),
      selected("sort", (x, a) -> x.sort(a.integer("dim"), a.flag("descending"))).refuses(() -> m().sort(2), "[sort]", NO_DIM),
      op("argsort", (x, a) -> x.get(0).argsort(a.integer("dim"), a.flag("descending"))).records("sort")
          .refuses(() -> m().argsort(2, false), NO_DIM),
      selected("topk", (x, a) -> x.topk(a.integer("k"), a.integer("dim"), a.flag("largest")))
          .refuses(() -> m().topk(4), "[topk]", "selected index k out of range", "4", "3").refuses(() -> m().topk(1, 2, true), "[topk]", NO_DIM),
      selected("kthvalue", (x, a) -> x.kthvalue(a.integer("k"), a.integer("dim"), a.flag("keepdim")))
          .refuses(() -> m().kthvalue(4), "[kthvalue]", "4", "3"),
      several("unique", (x, _) -> {
        UniqueElements found = x.get(0).unique();
        return List.of(found.values(), found.inverse(), found.counts());
      }).waits("", "the results' sizes depend on the elements").refusesNothing("takes any tensor"),
      several("unique_dim", (x, a) -> {
        UniqueElements found = x.get(0).uniqueDim(a.integer("dim"));
        return List.of(found.values(), found.inverse(), found.counts());
      }).waits("", "the results' sizes depend on the elements").refuses(() -> m().uniqueDim(2), "[unique_dim]", NO_DIM).refuses(() -> Tensor.ones(0, 3).uniqueDim(1), "[unique_dim]", "0 sized dimensions", "(0, 3)", "1"));
  // spotless:on

  private static Tensor m() {
    return Tensor.ones(2, 3);
  }

  private interface Over {
    Tensor of(Tensor x, int[] dims, boolean keepdim);
  }

  private interface Along {
    Tensor of(Tensor x, int dim);
  }

  private interface Selection {
    Selected of(Tensor x, Attributes a);
  }

  private static OpInfo over(String name, Over call) {
    return op(name, (x, a) -> call.of(x.get(0), a.integers("dims"), a.flag("keepdim")))
        .refuses(() -> call.of(m(), new int[] {2}, false), NO_DIM)
        .refuses(() -> call.of(m(), new int[] {1, -1}, false), "dim 1 appears multiple times");
  }

  private static OpInfo along(String name, Along call) {
    return op(name, (x, a) -> call.of(x.get(0), a.integer("dim"))).refuses(() -> call.of(m(), 2), "[" + name + "]", NO_DIM);
  }

  private static OpInfo selected(String name, Selection call) {
    return several(name, (x, a) -> {
      Selected result = call.of(x.get(0), a);
      return List.of(result.values(), result.indices());
    });
  }
}
