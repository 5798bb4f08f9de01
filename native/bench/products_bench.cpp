// The bound of a training step: its matrix products alone, each at the best speed that libtorch reaches on its shape here. The reference
// model of bench/shapes.ts: 8 experts, 4+4 layers, d_model 256, d_ff 1024, 4 heads of 64, vocabulary 8192, 16 sequences of 128 in and
// 32 out; every token is taken by one expert, equally many by each. Prints one JSON line: {"milliseconds", "gigaflops"}.
//   products_bench fp32|bf16 [--each]
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <tuple>

namespace {

constexpr std::int64_t BATCH = 16, INPUT = 128, TARGET = 32, D = 256, FF = 1024, HEADS = 4, HEAD = 64, VOCABULARY = 8192, EXPERTS = 8, LAYERS = 4, SPARSE = 2;

/// Products (count, m, k) · (count, k, n), and how often.
std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>, std::int64_t> products;

void add(std::int64_t times, std::int64_t count, std::int64_t m, std::int64_t k, std::int64_t n) { products[{count, m, k, n}] += times; }

/// A product and the two of its gradients.
void trained(std::int64_t times, std::int64_t count, std::int64_t m, std::int64_t k, std::int64_t n) {
  add(times, count, m, k, n);
  add(times, count, m, n, k);
  add(times, count, k, m, n);
}

void attention(std::int64_t queries, std::int64_t keys) {
  trained(LAYERS, BATCH * HEADS, queries, HEAD, keys);
  trained(LAYERS, BATCH * HEADS, queries, keys, HEAD);
}

void feedForward(std::int64_t tokens) {
  trained(LAYERS - SPARSE, 1, tokens, D, FF);
  trained(LAYERS - SPARSE, 1, tokens, FF, D);
  trained(SPARSE, EXPERTS, tokens / EXPERTS, D, FF);
  trained(SPARSE, EXPERTS, tokens / EXPERTS, FF, D);
}

double best(at::ScalarType type, std::int64_t count, std::int64_t m, std::int64_t k, std::int64_t n) {
  const auto a = torch::randn({count, m, k}).to(type), b = torch::randn({count, k, n}).to(type);
  auto out = torch::empty({count, m, n}, type);
  double least = 1e9;
  for (int round = 0; round < 12; ++round) {
    const auto start = std::chrono::steady_clock::now();
    at::bmm_out(out, a, b);
    least = std::min(least, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

}  // namespace

int main(int arguments, char** argument) {
  const bool half = arguments > 1 && std::strcmp(argument[1], "bf16") == 0, each = arguments > 2;
  const auto in = BATCH * INPUT, out = BATCH * TARGET;
  trained(LAYERS, 1, in, D, 3 * D), trained(LAYERS, 1, in, D, D);
  attention(INPUT, INPUT), feedForward(in);
  trained(LAYERS, 1, out, D, 3 * D), trained(2 * LAYERS, 1, out, D, D);
  trained(LAYERS, 1, out, D, D), trained(LAYERS, 1, in, D, 2 * D);
  attention(TARGET, TARGET), attention(TARGET, INPUT), feedForward(out);
  trained(1, 1, out, D, VOCABULARY);
  double milliseconds = 0, flops = 0;
  for (const auto& [shape, times] : products) {
    const auto [count, m, k, n] = shape;
    const double taken = best(half ? at::kBFloat16 : at::kFloat, count, m, k, n);
    if (each) std::printf("%3lld x (%lld, %lld, %lld, %lld): %.3f ms\n", static_cast<long long>(times), static_cast<long long>(count), static_cast<long long>(m), static_cast<long long>(k), static_cast<long long>(n), taken);
    milliseconds += static_cast<double>(times) * taken;
    flops += static_cast<double>(times * 2 * count * m * k * n);
  }
  std::printf("{\"milliseconds\":%.1f,\"gigaflops\":%.1f}\n", milliseconds, flops / 1e9);
}
