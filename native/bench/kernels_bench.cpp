// Each fused kernel beside the libtorch ops it replaces, forward and backward, on the shapes of the reference model (8
// experts, d_model 256, d_ff 1024, 4 heads, 16 sequences of 128). The two alternate call by call; medians are printed as
// one JSON line a kernel: {"kernel", "storage", "fusedMicroseconds", "opsMicroseconds"}. Where there is a GPU, its kernels follow.
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "../devices/cpuMemory.h"
#include "../devices/devices.h"
#include "../kernels/adamW.h"
#include "../kernels/attention.h"
#include "../kernels/attentionSoftmax.h"
#include "../kernels/crossEntropy.h"
#include "../kernels/dispatch.h"
#include "../kernels/dropout.h"
#include "../kernels/expertProduct.h"
#include "../kernels/product.h"
#include "../kernels/rmsNorm.h"
#include "../kernels/uniform.h"
#include "median.h"

namespace {

using namespace switchyard::kernels;
using switchyard::median;
using Work = std::function<void()>;

double microseconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

void compare(const char* kernel, const char* storage, int rounds, const Work& fused, const Work& ops) {
  std::vector<double> ours, theirs;
  for (int round = -3; round < rounds; ++round) {
    const double a = microseconds(fused), b = microseconds(ops);
    if (round < 0) continue;
    ours.push_back(a);
    theirs.push_back(b);
  }
  std::printf("{\"kernel\":\"%s\",\"storage\":\"%s\",\"fusedMicroseconds\":%.1f,\"opsMicroseconds\":%.1f}\n", kernel, storage,
              median(ours), median(theirs));
  std::fflush(stdout);
}

/// Forward and backward of `function` on fresh leaves, with a gradient of ones.
Work trained(const std::function<at::Tensor(const std::vector<at::Tensor>&)>& function, const std::vector<at::Tensor>& inputs) {
  return [=] {
    std::vector<at::Tensor> leaves;
    for (const auto& input : inputs) leaves.push_back(input.detach().requires_grad_());
    const auto y = function(leaves);
    y.backward(torch::ones_like(y));
  };
}

/// The kernels of a GPU beside the libtorch ops that make the same masks.
void compareOnGpu(int rounds, const DropoutSite& site) {
  const c10::Device gpu(c10::kCUDA, 0);
  // Until the GPU has finished, not until it has been told.
  const auto awaited = [&](const Work& work) {
    return [work, gpu] {
      work();
      c10::impl::VirtualGuardImpl(gpu.type()).synchronizeDevice(gpu.index());
    };
  };
  const auto both = [&](const char* kernel, const char* storage, const Work& fused, const Work& ops) { compare(kernel, storage, rounds, awaited(fused), awaited(ops)); };
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    const char* storage = type == torch::kFloat ? "fp32" : "bf16";
    const auto tensor = [&](at::IntArrayRef sizes) { return torch::randn(sizes, torch::device(gpu)).to(type); };
    const auto factors = [&](const at::Tensor& x) { return dropoutFactors(x.sizes(), site, x.options()); };
    const auto x = tensor({16384, 1024}), residual = tensor({16384, 1024}), hidden = tensor({16384, 4096});
    both("on the GPU: dropout [16384, 1024]", storage, trained([&](auto& t) { return dropout(t[0], site); }, {x}), trained([&](auto& t) { return t[0] * factors(t[0]); }, {x}));
    both("on the GPU: residual + dropout [16384, 1024]", storage, trained([&](auto& t) { return addDropout(t[0], t[1], site); }, {residual, x}),
         trained([&](auto& t) { return t[0] + t[1] * factors(t[1]); }, {residual, x}));
    both("on the GPU: relu + dropout [16384, 4096]", storage, trained([&](auto& t) { return reluDropout(t[0], site); }, {hidden}),
         trained([&](auto& t) { return torch::relu(t[0]) * factors(t[0]); }, {hidden}));
  }
  const auto options = torch::device(gpu).dtype(torch::kFloat);
  both("on the GPU: uniform numbers [16384, 1024]", "fp32", [&] { uniform({16384, 1024}, site, options); }, [&] { uniformReference({16384, 1024}, site, options); });
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::max(1, std::atoi(arguments[1])) : 30;
  const DropoutSite site{1, 2, 0.1};
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    const char* storage = type == torch::kFloat ? "fp32" : "bf16";
    const auto tensor = [&](at::IntArrayRef sizes) { return torch::randn(sizes).to(type); };
    const auto x = tensor({2048, 256}), residual = tensor({2048, 256}), hidden = tensor({2048, 1024});
    compare("relu + dropout [2048, 1024]", storage, rounds, trained([&](auto& t) { return reluDropout(t[0], site); }, {hidden}),
            trained([](auto& t) { return torch::dropout(torch::relu(t[0]), 0.1, true); }, {hidden}));
    compare("residual + dropout [2048, 256]", storage, rounds, trained([&](auto& t) { return addDropout(t[0], t[1], site); }, {residual, x}),
            trained([](auto& t) { return t[0] + torch::dropout(t[1], 0.1, true); }, {residual, x}));
    compare("RMSNorm [2048, 256]", storage, rounds, trained([](auto& t) { return rmsNorm(t[0], t[1], 1e-6); }, {x, torch::ones({256})}),
            trained([](auto& t) { return rmsNormReference(t[0], t[1], 1e-6); }, {x, torch::ones({256})}));
    const auto scores = tensor({16, 4, 128, 128});
    const auto bias = torch::randn({4, 128, 128}), mask = torch::zeros({16, 1, 128});
    compare("attention softmax [16, 4, 128, 128]", storage, rounds,
            trained([&](auto& t) { return attentionSoftmax(t[0], t[1], mask, site); }, {scores, bias}), trained([&](auto& t) {
              const auto s = t[0].to(torch::kFloat) + t[1].unsqueeze(0) + mask.unsqueeze(1);
              return torch::dropout(s.softmax(-1).to(t[0].scalar_type()), 0.1, true);
            }, {scores, bias}));
    // 4 heads of 64, 16 sequences of 128; beside products and softmax op by op.
    const auto joined = tensor({16, 128, 768});
    compare("attention [16, 128, 4 heads of 64]", storage, rounds, trained([&](auto& t) { return attention(t[0], {}, 4, t[1], mask, site); }, {joined, bias}),
            trained([&](auto& t) {
              auto qkv = t[0].view({16, 128, 3, 4, 64}).unbind(2);
              for (auto& part : qkv) part = part.transpose(1, 2);
              const auto weights = attentionSoftmax(torch::matmul(qkv[0], qkv[1].transpose(2, 3)), t[1], mask, site);
              return torch::matmul(weights, qkv[2]).transpose(1, 2).reshape({16, 128, 256});
            }, {joined, bias}));
    const auto logits = tensor({512, 8192});
    const auto targets = torch::randint(0, 8192, {512}, torch::kLong);
    compare("cross-entropy [512, 8192]", storage, rounds, trained([&](auto& t) { return crossEntropySum(t[0], targets, -100); }, {logits}),
            trained([&](auto& t) { return at::cross_entropy_loss(t[0].to(torch::kFloat), targets, {}, at::Reduction::Sum, -100); }, {logits}));
    const auto slot = torch::randperm(2560).slice(0, 0, 2048).unsqueeze(1).contiguous();
    const auto probability = torch::rand({2048, 1});
    compare("dispatch [2048, 256]", storage, rounds, trained([&](auto& t) { return dispatch(t[0], slot, 2560); }, {x}),
            trained([&](auto& t) { return dispatchReference(t[0], slot, 2560); }, {x}));
    const auto buffer = tensor({2560, 256});
    compare("combine [2048, 256]", storage, rounds, trained([&](auto& t) { return combine(t[0], slot, t[1]); }, {buffer, probability}),
            trained([&](auto& t) { return combineReference(t[0], slot, t[1]); }, {buffer, probability}));
    // As unevenly as a trained router loads 8 experts, at capacity factor 1.25; forward and backward.
    const auto used = torch::tensor({320.0F, 320.0F, 311.0F, 287.0F, 243.0F, 214.0F, 150.0F, 98.0F}).unsqueeze(1);
    const auto places = tensor({8, 320, 256}), experts = tensor({8, 256, 1024});
    compare("expert product [8, 320, 256] by [8, 256, 1024], 1943 rows used", storage, rounds, trained([&](auto& t) { return expertProduct(t[0], {t[1]}, used); }, {places, experts}),
            trained([](auto& t) { return switchyard::kernels::matmul(t[0], t[1]); }, {places, experts}));
    // 64 experts have few rows each; the master weight is float, as in the model.
    const auto few = torch::full({64, 1}, 32.0F);
    const auto fewPlaces = tensor({64, 40, 256}), many = torch::randn({64, 256, 1024}), copy = many.to(type);
    const auto of = [&](const at::Tensor& value) { return type == torch::kFloat ? RoundedValue{value} : RoundedValue{value, copy}; };
    compare("expert product [64, 40, 256] by [64, 256, 1024], 2048 rows used", storage, rounds, trained([&](auto& t) { return expertProduct(t[0], of(t[1]), few); }, {fewPlaces, many}),
            trained([&](auto& t) { return switchyard::kernels::matmul(t[0], inGraph(of(t[1]))); }, {fewPlaces, many}));
  }
  std::vector<AdamWParameter> parameters;
  std::vector<at::Tensor> gradients;
  for (int layer = 0; layer < 10; ++layer) {
    const std::vector<std::int64_t> sizes{8, 256, 1024};
    gradients.push_back(torch::randn(sizes));
    parameters.push_back({torch::randn(sizes), gradients.back(), torch::zeros(sizes), torch::zeros(sizes), torch::zeros(sizes, torch::kBFloat16)});
  }
  const AdamWStep step{0.9, 0.999, 1e-8, 0.01, torch::tensor(1e-3, torch::kDouble), torch::tensor(5.0, torch::kDouble)};
  const auto one = torch::tensor(1.0F);
  compare("AdamW with bf16 copy, 21 M parameters", "fp32", std::min(rounds, 10), [&] { adamW(parameters, step, one); },
          [&] { adamWReference(parameters, step, one); });
  compare("global gradient norm, 21 M parameters", "fp32", std::min(rounds, 10), [&] { gradientNorm(gradients); },
          [&] {
            std::vector<at::Tensor> norms;
            for (const auto& gradient : gradients) norms.push_back(at::linalg_vector_norm(gradient));
            at::linalg_vector_norm(at::stack(norms));
          });
  auto& keeping = switchyard::keepCpuMemory();
  const auto written = [](c10::Allocator* from) {
    return [from] {
      constexpr std::size_t bytes = 40 << 20;
      const auto block = from->allocate(bytes);
      std::fill_n(static_cast<float*>(block.get()), bytes / sizeof(float), 1.0F);
    };
  };
  compare("memory: 40 MiB, allocated and written once", "fp32", rounds, written(&keeping), written(c10::GetDefaultCPUAllocator()));
  if (switchyard::cudaFacts().available) compareOnGpu(rounds, site);
  return 0;
}
