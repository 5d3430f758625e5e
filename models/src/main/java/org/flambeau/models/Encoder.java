package org.flambeau.models;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.flambeau.Tensor;
import org.flambeau.nn.Dropout;
import org.flambeau.nn.GELU;
import org.flambeau.nn.Init;
import org.flambeau.nn.LayerNorm;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.MultiheadAttention;
import org.flambeau.nn.NormalizedSum;
import org.flambeau.nn.Sequential;

/// The transformer of a [VisionTransformer]: positions are added to the tokens, which blocks of attention and of a perceptron then change in turn.
///
/// Shapes: (n, tokens, hidden) → the same.
final class Encoder extends Module {
  private static final double EPS = 1e-6;

  private final Tensor posEmbedding;
  private final Dropout dropout;
  private final Sequential layers;
  private final LayerNorm ln;

  Encoder(VisionTransformer.Options options) {
    posEmbedding = parameter("pos_embedding", Init.normal_(Tensor.empty(1, options.tokens(), options.hidden()), 0, 0.02));
    dropout = child("dropout", new Dropout(options.dropout()));
    Map<String, Module> blocks = new LinkedHashMap<>();
    for (int i = 0; i < options.layers(); i++) {
      blocks.put("encoder_layer_" + i, new EncoderBlock(options));
    }
    layers = child("layers", new Sequential(blocks));
    ln = child("ln", new LayerNorm(options.hidden(), EPS));
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Sequential.chain(x, y -> y.add(posEmbedding), dropout::call, Sequential.step(layers), ln::call);
  }

  /// `y = x + attention(norm(x))`, then `y + mlp(norm(y))`.
  private static final class EncoderBlock extends Module {
    private final LayerNorm ln1;
    private final MultiheadAttention selfAttention;
    private final Dropout dropout;
    private final LayerNorm ln2;
    private final MLPBlock mlp;

    EncoderBlock(VisionTransformer.Options options) {
      ln1 = child("ln_1", new LayerNorm(options.hidden(), EPS));
      selfAttention = child("self_attention",
          new MultiheadAttention(options.hidden(), options.heads(), options.attentionDropout(), true, true));
      dropout = child("dropout", new Dropout(options.dropout()));
      ln2 = child("ln_2", new LayerNorm(options.hidden(), EPS));
      mlp = child("mlp", new MLPBlock(options.hidden(), options.mlp(), options.dropout()));
    }

    @Override
    protected Tensor forward(Tensor x) {
      NormalizedSum attended = ln2.callOnSum(() -> Sequential.chain(x, ln1::call, selfAttention::call, dropout::call), x);
      return attended.sum().add(mlp.call(attended.normalized()));
    }
  }

  /// A perceptron with one hidden layer.
  private static final class MLPBlock extends Sequential {
    MLPBlock(int dimension, int hidden, double dropout) {
      super(new Linear(dimension, hidden), new GELU(), new Dropout(dropout), new Linear(hidden, dimension), new Dropout(dropout));
      for (Module module : namedChildren().values()) {
        if (module instanceof Linear linear) {
          Init.xavierUniform_(linear.weight());
          Init.normal_(Objects.requireNonNull(linear.bias()), 0, 1e-6);
        }
      }
    }

    @Override
    protected long version() {
      return 2;
    }

    /// Files of before version 2 call the linear maps `linear_1` and `linear_2`.
    @Override
    protected void upgrade(Map<String, Tensor> state, String prefix, long version) {
      if (version < 2) {
        for (int i = 0; i < 2; i++) {
          for (String name : new String[] {".weight", ".bias"}) {
            Tensor old = state.remove(prefix + "linear_" + (i + 1) + name);
            if (old != null) {
              state.put(prefix + 3 * i + name, old);
            }
          }
        }
      }
    }
  }
}
