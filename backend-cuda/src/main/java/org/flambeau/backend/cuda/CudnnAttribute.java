package org.flambeau.backend.cuda;

/// What the numbers of cudnn_graph.h call the attributes of descriptors, cudnnBackendAttributeName_t. All of them are as old as cuDNN 9.0.
final class CudnnAttribute {
  static final int POINTWISE_MODE = 0;
  static final int POINTWISE_PRECISION = 1;
  static final int POINTWISE_NAN_PROPAGATION = 2;
  static final int POINTWISE_AXIS = 9;

  static final int CONVOLUTION_TYPE = 100;
  static final int CONVOLUTION_MODE = 101;
  static final int CONVOLUTION_DILATIONS = 102;
  static final int CONVOLUTION_STRIDES = 103;
  static final int CONVOLUTION_POST_PADDINGS = 104;
  static final int CONVOLUTION_PRE_PADDINGS = 105;
  static final int CONVOLUTION_DIMS = 106;

  static final int HEURISTICS_MODE = 200;
  static final int HEURISTICS_GRAPH = 201;
  static final int HEURISTICS_RESULTS = 202;

  static final int CONFIG_ENGINE = 300;

  static final int PLAN_HANDLE = 400;
  static final int PLAN_CONFIG = 401;
  static final int PLAN_WORKSPACE_SIZE = 402;

  static final int FORWARD_ALPHA = 700;
  static final int FORWARD_BETA = 701;
  static final int FORWARD_CONVOLUTION = 702;
  static final int FORWARD_WEIGHT = 703;
  static final int FORWARD_X = 704;
  static final int FORWARD_Y = 705;

  static final int BACKWARD_DATA_ALPHA = 706;
  static final int BACKWARD_DATA_BETA = 707;
  static final int BACKWARD_DATA_CONVOLUTION = 708;
  static final int BACKWARD_DATA_WEIGHT = 709;
  static final int BACKWARD_DATA_DX = 710;
  static final int BACKWARD_DATA_DY = 711;

  static final int BACKWARD_FILTER_ALPHA = 712;
  static final int BACKWARD_FILTER_BETA = 713;
  static final int BACKWARD_FILTER_CONVOLUTION = 714;
  static final int BACKWARD_FILTER_DW = 715;
  static final int BACKWARD_FILTER_X = 716;
  static final int BACKWARD_FILTER_DY = 717;

  static final int OPERATION_POINTWISE = 750;
  static final int OPERATION_POINTWISE_X = 751;
  static final int OPERATION_POINTWISE_B = 752;
  static final int OPERATION_POINTWISE_Y = 753;
  static final int OPERATION_POINTWISE_T = 758;

  static final int GRAPH_HANDLE = 800;
  static final int GRAPH_OPERATIONS = 801;

  static final int TENSOR_ALIGNMENT = 900;
  static final int TENSOR_TYPE = 901;
  static final int TENSOR_SIZES = 902;
  static final int TENSOR_STRIDES = 903;
  static final int TENSOR_UID = 906;
  static final int TENSOR_IS_VIRTUAL = 907;
  static final int TENSOR_IS_BY_VALUE = 908;

  static final int PACK_UIDS = 1000;
  static final int PACK_POINTERS = 1001;
  static final int PACK_WORKSPACE = 1003;

  static final int ENGINE_NUMERICAL_NOTE = 1303;

  static final int MATMUL_TYPE = 1500;
  static final int OPERATION_MATMUL_A = 1520;
  static final int OPERATION_MATMUL_B = 1521;
  static final int OPERATION_MATMUL_C = 1522;
  static final int OPERATION_MATMUL = 1523;

  static final int REDUCTION_OPERATOR = 1600;
  static final int REDUCTION_TYPE = 1601;
  static final int OPERATION_REDUCTION_X = 1610;
  static final int OPERATION_REDUCTION_Y = 1611;
  static final int OPERATION_REDUCTION = 1612;

  static final int OPERATION_RESHAPE_X = 2200;
  static final int OPERATION_RESHAPE_Y = 2201;

  private CudnnAttribute() {}
}
