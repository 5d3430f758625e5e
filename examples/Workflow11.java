/// 11. What not tracking saves
///
/// A vision transformer's module tree, and the memory of a forward pass with gradient tracking and without it; `flambeau bench inference` prints
/// more of the kind.
import module org.flambeau;

void main() {
  var vit = VisionTransformer.vitB16();   // 86,567,656 parameters
  vit.eval();
  IO.println(vit);                        // prints the module tree as PyTorch 2.13 prints it
  // → VisionTransformer(
  //     (conv_proj): Conv2d(3, 768, kernel_size=(16, 16), stride=(16, 16))
  //     (encoder): Encoder(
  //       (dropout): Dropout(p=0.0, inplace=False)
  //       (layers): Sequential(
  //         (encoder_layer_0): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_1): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_2): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_3): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_4): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_5): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_6): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_7): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_8): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_9): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_10): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //         (encoder_layer_11): EncoderBlock(
  //           (ln_1): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (self_attention): MultiheadAttention(
  //             (out_proj): NonDynamicallyQuantizableLinear(in_features=768, out_features=768, bias=True)
  //           )
  //           (dropout): Dropout(p=0.0, inplace=False)
  //           (ln_2): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //           (mlp): MLPBlock(
  //             (0): Linear(in_features=768, out_features=3072, bias=True)
  //             (1): GELU(approximate='none')
  //             (2): Dropout(p=0.0, inplace=False)
  //             (3): Linear(in_features=3072, out_features=768, bias=True)
  //             (4): Dropout(p=0.0, inplace=False)
  //           )
  //         )
  //       )
  //       (ln): LayerNorm((768,), eps=1e-06, elementwise_affine=True, bias=True)
  //     )
  //     (heads): Sequential(
  //       (head): Linear(in_features=768, out_features=1000, bias=True)
  //     )
  //   )

  Tensor images = Tensor.randn(1, 3, 224, 224);
  long tracking = peakOf(vit, images), notTracking;
  try (var _ = GradMode.noGrad()) {
    notTracking = peakOf(vit, images);
  }
  IO.println(notTracking < tracking / 2);   // → true
}

/// How many bytes a forward pass needs beside the parameters; says on stderr how long it takes. The first passes lay out weights and warm up.
long peakOf(VisionTransformer model, Tensor images) {
  long bytes = 0;
  for (int pass = 0; pass < 3; pass++) {
    MemoryStats.resetPeak(Device.CPU);
    long before = MemoryStats.of(Device.CPU).current(), start = System.nanoTime();
    try (var _ = MemoryScope.open()) {
      model.call(images);
    }
    bytes = MemoryStats.of(Device.CPU).peak() - before;
    System.err.printf(Locale.ROOT, "%d ms, %d MiB%n", (System.nanoTime() - start) / 1_000_000, bytes >> 20);
  }
  return bytes;
}
