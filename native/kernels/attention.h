// Attention in one pass over each head: scores, softmax, dropout and context stay in the cache, and nothing is transposed or copied
// between the projections and it.
#pragma once

#include <torch/types.h>

#include "dropout.h"

namespace switchyard::kernels {

/// dropout(softmax(q·kᵀ + bias + mask))·v for every head. B sequences, H heads, Q queries, K keys, c = H·d_kv.
/// `queries` (B, Q, 3c) holds q, k and v side by side; or it is (B, Q, c), q alone, and `memory` (B, K, 2c) holds k and v. bias and
/// mask as attentionSoftmax takes them. Gives (B, Q, c).
at::Tensor attention(const at::Tensor& queries, const at::Tensor& memory, std::int64_t heads, const at::Tensor& bias, const at::Tensor& mask,
                     const DropoutSite& site);

/// The same op by op for heads apart: q (B, H, Q, d_kv), k and v (B, H, K, d_kv). Gives (B, Q, c).
at::Tensor attentionOfHeads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias, const at::Tensor& mask,
                            const DropoutSite& site);

}  // namespace switchyard::kernels
