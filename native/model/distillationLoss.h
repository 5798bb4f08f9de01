// What a student loses to its teacher's probabilities (Hinton et al., 1503.02531).
#pragma once

#include <torch/types.h>

namespace switchyard {

/// Σ over n with targets[n] != ignore of −T² · Σ_v softmax(teacher[n] / T)[v] · log softmax(student[n] / T)[v], in nats: a scalar, in
/// float where the logits are narrower. student, teacher (N, V); targets (N) int64. The gradient goes to the student alone: T · (q − p), in its type.
at::Tensor distillationLossSum(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& targets, std::int64_t ignore, double temperature);

}  // namespace switchyard
