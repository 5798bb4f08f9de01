// Attention head by head against softmax written out in double, with every gradient, for joined and separate projections.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "../kernels/attention.h"

namespace {

using namespace switchyard::kernels;

struct Inputs {
  at::Tensor queries, memory, bias, mask;
  std::int64_t heads;
  DropoutSite site;
};

/// By the definition, in the type of the inputs.
at::Tensor byDefinition(const Inputs& in) {
  const bool joined = !in.memory.defined();
  const auto width = joined ? in.queries.size(2) / 3 : in.queries.size(2), each = width / in.heads;
  const auto keysFrom = joined ? in.queries.narrow(2, width, 2 * width) : in.memory;
  const auto split = [&](const at::Tensor& x) { return x.reshape({x.size(0), x.size(1), in.heads, each}).permute({0, 2, 1, 3}); };
  const auto q = split(in.queries.narrow(2, 0, width)), k = split(keysFrom.narrow(2, 0, width)), v = split(keysFrom.narrow(2, width, width));
  auto scores = torch::einsum("bhqe,bhke->bhqk", {q, k});
  if (in.bias.defined()) scores = scores + in.bias;
  if (in.mask.defined()) scores = scores + in.mask.unsqueeze(1);
  const auto weights = scores.softmax(-1) * dropoutFactors(scores.sizes(), in.site, torch::kFloat).to(scores.scalar_type());
  return torch::einsum("bhqk,bhke->bqhe", {weights, v}).reshape({q.size(0), q.size(2), width});
}

/// The output and the gradients of what is defined, in double.
std::vector<at::Tensor> run(Inputs in, at::ScalarType type, const std::function<at::Tensor(const Inputs&)>& function) {
  std::vector<at::Tensor> leaves;
  for (auto* input : {&in.queries, &in.memory, &in.bias}) {
    if (!input->defined()) continue;
    *input = input->to(type).detach().clone().requires_grad_();
    leaves.push_back(*input);
  }
  if (in.mask.defined()) in.mask = in.mask.to(type);
  const auto y = function(in);
  (y * torch::sin(torch::arange(y.numel(), y.options())).view_as(y)).sum().backward();
  std::vector<at::Tensor> all{y.detach().to(torch::kDouble)};
  for (const auto& leaf : leaves) all.push_back(leaf.grad().to(torch::kDouble));
  return all;
}

at::Tensor ours(const Inputs& in) { return attention(in.queries, in.memory, in.heads, in.bias, in.mask, in.site); }

void expectDefinition(const Inputs& in) {
  const auto found = run(in, torch::kFloat, ours), expected = run(in, torch::kDouble, byDefinition);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto scale = std::max(1.0, expected[i].abs().max().item<double>());
    EXPECT_LE((found[i] - expected[i]).abs().max().item<double>(), 2e-6 * scale) << "tensor " << i;
  }
}

constexpr double NEVER = -std::numeric_limits<double>::infinity();

}  // namespace

TEST(AttentionKernel, IsTheDefinitionWithAllItsGradients) {
  torch::manual_seed(5);
  for (const double dropped : {0.0, 0.2}) {
    const DropoutSite site{3, 9, dropped};
    // Padding masks, one query row for all; more sequences than parts; odd sizes.
    auto padding = torch::zeros({11, 1, 7});
    padding.narrow(2, 5, 2).fill_(NEVER);
    expectDefinition({torch::randn({11, 7, 3 * 3 * 5}), {}, torch::randn({3, 7, 7}), padding, 3, site});
    // Causal, one sequence.
    const auto causal = torch::zeros({1, 6, 6}).masked_fill(torch::ones({6, 6}).triu(1).gt(0), NEVER);
    expectDefinition({torch::randn({1, 6, 3 * 8}), {}, torch::randn({2, 6, 6}), causal, 2, site});
    // From a memory of another length, without a bias.
    auto memoryMask = torch::zeros({4, 1, 9});
    memoryMask[2][0].narrow(0, 1, 8).fill_(NEVER);
    expectDefinition({torch::randn({4, 3, 4 * 6}), torch::randn({4, 9, 2 * 4 * 6}), {}, memoryMask, 4, site});
    expectDefinition({torch::randn({2, 5, 8}), torch::randn({2, 3, 16}), {}, {}, 1, site});
  }
}

TEST(AttentionKernel, HasTheSameBitsForAnyNumberOfThreads) {
  const Inputs in{torch::randn({9, 33, 3 * 4 * 16}), {}, torch::randn({4, 33, 33}), {}, 4, {1, 2, 0.1}};
  const auto threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = run(in, torch::kFloat, ours);
  at::set_num_threads(3);
  const auto three = run(in, torch::kFloat, ours);
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(torch::equal(one[i], three[i])) << "tensor " << i;
}
