package org.flambeau.backend.cuda.binding;

import java.util.List;

/// The libraries of NVIDIA that are used, and what to install where one is missing.
public enum Library {
  DRIVER("NVIDIA's driver", "libcuda.so", List.of()),
  NVRTC("NVRTC", "libnvrtc.so", List.of("libnvrtc-builtins.so")),
  CUBLAS_LT("cuBLASLt", "libcublasLt.so", List.of()),
  CUDNN("cuDNN", "libcudnn.so", List.of());

  /// The majors of CUDA that are supported, newest first.
  static final List<Integer> CUDA_MAJORS = List.of(13, 12);

  private static final int CUDNN_MAJOR = 9;

  private final String title;
  private final String stem;
  private final List<String> companions;

  Library(String title, String stem, List<String> companions) {
    this.title = title;
    this.stem = stem;
    this.companions = companions;
  }

  /// What its maker calls it.
  @Override
  public String toString() {
    return title;
  }

  /// The beginning of its files' names, before the version.
  String stem() {
    return stem;
  }

  /// The beginnings of files beside it that it opens by name alone, so that they have to be open before.
  List<String> companions() {
    return companions;
  }

  /// The number in its file's name that goes with a major of CUDA.
  int soMajor(int cudaMajor) {
    return switch (this) {
      case DRIVER -> 1;
      case NVRTC, CUBLAS_LT -> cudaMajor;
      case CUDNN -> CUDNN_MAJOR;
    };
  }

  String file(int cudaMajor) {
    return stem + "." + soMajor(cudaMajor);
  }

  String remedy(int cudaMajor) {
    return switch (this) {
      case DRIVER -> "install NVIDIA's driver, 580 or newer for CUDA 13, 525 or newer for CUDA 12";
      case NVRTC -> wheel(cudaMajor == 12 ? "nvidia-cuda-nvrtc-cu12" : "nvidia-cuda-nvrtc", cudaMajor);
      case CUBLAS_LT -> wheel(cudaMajor == 12 ? "nvidia-cublas-cu12" : "nvidia-cublas", cudaMajor);
      case CUDNN -> "install it with `pip install nvidia-cudnn-cu" + cudaMajor + "`, or name its folder by -D" + Host.PROPERTY;
    };
  }

  private static String wheel(String name, int cudaMajor) {
    return "install the CUDA toolkit " + cudaMajor + " or `pip install \"" + name + "==" + cudaMajor + ".*\"`, or name its folder by -D"
        + Host.PROPERTY;
  }
}
