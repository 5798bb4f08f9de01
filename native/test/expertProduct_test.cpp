// The product over rows in use against sums written out, and against the full product.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "../kernels/expertProduct.h"
#include "../kernels/floatProduct.h"

namespace {

using switchyard::kernels::expertProduct;

struct Case {
  std::int64_t experts, rows, inner, columns;
  std::vector<std::int64_t> used;
};

at::Tensor counts(const Case& c) {
  auto all = torch::zeros({c.experts, 1});
  for (std::int64_t e = 0; e < c.experts; ++e) all[e][0] = static_cast<float>(c.used[static_cast<std::size_t>(e)]);
  return all;
}

/// Result and both gradients of Σ result · g, one number at a time in double. Rows beyond those used hold NaN in the inputs.
void expectSums(const Case& c) {
  torch::manual_seed(c.experts * 1000 + c.rows);
  auto rows = torch::randn({c.experts, c.rows, c.inner}), g = torch::randn({c.experts, c.rows, c.columns});
  const auto weight = torch::randn({c.experts, c.inner, c.columns}).requires_grad_();
  for (std::int64_t e = 0; e < c.experts; ++e) {
    const auto used = c.used[static_cast<std::size_t>(e)];
    rows[e].narrow(0, used, c.rows - used).fill_(NAN);
    g[e].narrow(0, used, c.rows - used).fill_(NAN);
  }
  rows.requires_grad_();
  const auto result = expertProduct(rows, {weight}, counts(c));
  result.backward(g);
  const auto rowValues = rows.detach(), weightValues = weight.detach(), values = result.detach(), rowGradient = rows.grad(), weightGradient = weight.grad();
  const auto x = rowValues.accessor<float, 3>(), w = weightValues.accessor<float, 3>(), y = values.accessor<float, 3>();
  const auto dy = g.accessor<float, 3>(), dx = rowGradient.accessor<float, 3>(), dw = weightGradient.accessor<float, 3>();
  const auto near = [&](float found, double expected) { ASSERT_NEAR(found, expected, 1e-4 * std::max(1.0, std::abs(expected))); };
  for (std::int64_t e = 0; e < c.experts; ++e) {
    const auto used = c.used[static_cast<std::size_t>(e)];
    for (std::int64_t r = 0; r < c.rows; ++r) {
      for (std::int64_t n = 0; n < c.columns; ++n) {
        double sum = 0.0;
        for (std::int64_t k = 0; k < c.inner && r < used; ++k) sum += static_cast<double>(x[e][r][k]) * w[e][k][n];
        near(y[e][r][n], sum);
      }
      for (std::int64_t k = 0; k < c.inner; ++k) {
        double sum = 0.0;
        for (std::int64_t n = 0; n < c.columns && r < used; ++n) sum += static_cast<double>(dy[e][r][n]) * w[e][k][n];
        near(dx[e][r][k], sum);
      }
    }
    for (std::int64_t k = 0; k < c.inner; ++k)
      for (std::int64_t n = 0; n < c.columns; ++n) {
        double sum = 0.0;
        for (std::int64_t r = 0; r < used; ++r) sum += static_cast<double>(x[e][r][k]) * dy[e][r][n];
        near(dw[e][k][n], sum);
      }
  }
}

}  // namespace

TEST(ExpertProduct, IsTheSumOverRowsInUseForAnyCountsAndThreads) {
  const auto threads = at::get_num_threads();
  for (const int count : {1, 2, 3}) {
    at::set_num_threads(count);
    for (const auto& c : std::vector<Case>{{1, 7, 5, 3, {7}}, {2, 5, 4, 6, {0, 5}}, {3, 9, 8, 8, {0, 0, 0}}, {4, 13, 17, 11, {13, 1, 0, 6}}, {8, 3, 2, 2, {3, 3, 3, 3, 3, 3, 3, 3}}}) expectSums(c);
    Case many{128, 5, 6, 7, {}};
    for (int e = 0; e < 128; ++e) many.used.push_back((e * 7) % 6);
    expectSums(many);
  }
  at::set_num_threads(threads);
}

TEST(ExpertProduct, RepeatsItsBits) {
  const auto rows = torch::randn({8, 40, 64}), weight = torch::randn({8, 64, 96}), used = torch::tensor({40.0F, 3.0F, 0.0F, 17.0F, 40.0F, 8.0F, 31.0F, 1.0F}).unsqueeze(1);
  EXPECT_TRUE(torch::equal(expertProduct(rows, {weight}, used), expertProduct(rows, {weight}, used)));
}

TEST(ExpertProduct, TakesTheFirstRowsOfEachBlock) {
  torch::manual_seed(3);
  const auto used = torch::tensor({{2.0F, 0.0F, 4.0F}, {4.0F, 1.0F, 3.0F}});
  auto rows = torch::randn({2, 12, 5}), g = torch::randn({2, 12, 7});
  const auto weight = torch::randn({2, 5, 7}).requires_grad_(), same = weight.detach().clone().requires_grad_();
  const auto inUse = torch::arange(4.0F).view({1, 1, 4}).lt(used.unsqueeze(2)).view({2, 12, 1});
  rows = rows.masked_fill(inUse.logical_not(), NAN).requires_grad_();
  const auto zeroed = rows.detach().masked_fill(inUse.logical_not(), 0.0).requires_grad_();
  const auto found = expertProduct(rows, {weight}, used), expected = torch::matmul(zeroed, same);
  EXPECT_TRUE(torch::allclose(found, expected, 1e-5, 1e-5));
  found.backward(g.masked_fill(inUse.logical_not(), NAN));
  expected.backward(g.masked_fill(inUse.logical_not(), 0.0));
  EXPECT_TRUE(torch::allclose(rows.grad(), zeroed.grad(), 1e-5, 1e-5));
  EXPECT_TRUE(torch::allclose(weight.grad(), same.grad(), 1e-5, 1e-5));
}

TEST(ExpertProduct, TakesAllRowsWithoutCountsAndRefusesMoreThanThereAre) {
  const auto rows = torch::randn({2, 4, 3}), weight = torch::randn({2, 3, 5});
  EXPECT_TRUE(torch::allclose(expertProduct(rows, {weight}, {}), torch::matmul(rows, weight)));
  EXPECT_THROW(expertProduct(rows, {weight}, torch::tensor({{4.0F}, {5.0F}})), c10::Error);
}

TEST(ExpertProduct, RoundsOnceInBFloat16) {
  const auto rows = torch::randn({2, 6, 32}).to(torch::kBFloat16), weight = torch::randn({2, 32, 8}).to(torch::kBFloat16);
  const auto exact = torch::matmul(rows.to(torch::kFloat), weight.to(torch::kFloat));
  const auto found = expertProduct(rows, {weight}, torch::tensor({{6.0F}, {6.0F}}));
  EXPECT_EQ(found.scalar_type(), torch::kBFloat16);
  EXPECT_LE((found.to(torch::kFloat) - exact).abs().max().item<double>(), exact.abs().max().item<double>() / 128);
}

TEST(ExpertProduct, KeepsTheWeightsGradientInFloatWhenRowsAreBFloat16) {
  using namespace switchyard::kernels;
  const bool before = multipliesBFloat16();
  chooseBFloat16Products(true);
  torch::manual_seed(4);
  const auto used = torch::tensor({{5.0F}, {0.0F}, {9.0F}});
  auto input = torch::randn({3, 9, 64}).to(torch::kBFloat16);
  for (int e = 0; e < 3; ++e) input[e].narrow(0, used[e][0].item<int>(), 9 - used[e][0].item<int>()).fill_(0.0);
  const auto value = torch::randn({3, 64, 48}), g = torch::randn({3, 9, 48}).to(torch::kBFloat16);
  const auto rows = input.detach().requires_grad_(), weight = value.detach().requires_grad_();
  const auto result = expertProduct(rows, {weight, value.to(torch::kBFloat16)}, used);
  result.backward(g);
  // The same numbers multiplied in double; a gradient of the unused rows counts nowhere.
  const auto inUse = torch::arange(9.0F).view({1, 9, 1}).lt(used.unsqueeze(2)).to(torch::kDouble);
  const auto x = input.to(torch::kDouble), w = value.to(torch::kBFloat16).to(torch::kDouble), dy = g.to(torch::kDouble) * inUse;
  const auto near = [](const at::Tensor& found, const at::Tensor& expected, double roundings) {
    return (found.to(torch::kDouble) - expected).abs().max().item<double>() <= roundings * expected.abs().max().item<double>();
  };
  EXPECT_TRUE(near(result, torch::matmul(x, w), 1.0 / 256));
  EXPECT_TRUE(near(rows.grad(), torch::matmul(dy, w.transpose(1, 2)), 1.0 / 256));
  EXPECT_EQ(weight.grad().scalar_type(), torch::kFloat);
  EXPECT_TRUE(near(weight.grad(), torch::matmul(x.transpose(1, 2), dy), 1e-5));
  chooseBFloat16Products(before);
}
