// What stands between attention's two matrix products, in one pass over the scores.
#pragma once

#include <torch/types.h>

#include "dropout.h"

namespace switchyard::kernels {

/// dropout(softmax(scores + bias + mask)) over the last dimension, statistics in fp32.
/// B sequences, H heads, Q queries, K keys: scores [B, H, Q, K] float or bfloat16; bias [H, Q, K] float or undefined (T5's
/// relative position bias, which gets a gradient); mask [B, M, K] float of 0 and -inf or undefined, with M = 1 (padding)
/// or Q (causal). A query whose keys are all masked gives zeros. The
/// site's rows are sequences, its columns heads.
at::Tensor attentionSoftmax(const at::Tensor& scores, const at::Tensor& bias, const at::Tensor& mask, const DropoutSite& site);

/// The same by libtorch's ops.
at::Tensor attentionSoftmaxReference(const at::Tensor& scores, const at::Tensor& bias, const at::Tensor& mask, const DropoutSite& site);

}  // namespace switchyard::kernels
