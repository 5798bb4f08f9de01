// The GPUs' kernels. Their text is compiled three times here: as C++, and compared with the CPU's loops bit by bit; by NVIDIA's run-time compiler,
// for GPUs that need not be there; and where there is a GPU, for that one, and compared again.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>
#include <map>

#include "../devices/devices.h"
#include "../failure.h"
#include "../kernels/cuda/compiler.h"
#include "../kernels/cuda/dropout.h"
#include "../kernels/cuda/launch.h"
#include "../kernels/rows.h"
#include "../kernels/uniform.h"

namespace {

/// What CUDA gives a kernel: where the running thread stands.
struct Place {
  unsigned x = 0;
};
Place blockIdx, blockDim, threadIdx;

}  // namespace

#define __global__
#include "../kernels/cuda/dropout.cu"
#undef __global__

namespace {

using namespace switchyard;
using namespace switchyard::kernels;

/// A kernel that takes its parameters as the driver hands them over.
template <class... Parameters>
std::function<void(void**)> withPointers(void (*kernel)(Parameters...)) {
  return [kernel](void** arguments) {
    [&]<std::size_t... i>(std::index_sequence<i...>) { kernel(*static_cast<Parameters*>(arguments[i])...); }(std::index_sequence_for<Parameters...>{});
  };
}

/// Block after block and thread after thread, on the CPU.
void launchHere(const std::string& kernel, std::int64_t threads, void** arguments) {
  static const std::map<std::string, std::function<void(void**)>> kernels{
      {"dropout_f32", withPointers(cuda::dropout_f32)}, {"dropout_bf16", withPointers(cuda::dropout_bf16)},
      {"addDropout_f32", withPointers(cuda::addDropout_f32)}, {"addDropout_bf16", withPointers(cuda::addDropout_bf16)},
      {"reluDropout_f32", withPointers(cuda::reluDropout_f32)}, {"reluDropout_bf16", withPointers(cuda::reluDropout_bf16)},
      {"reluDropoutBackward_f32", withPointers(cuda::reluDropoutBackward_f32)}, {"reluDropoutBackward_bf16", withPointers(cuda::reluDropoutBackward_bf16)},
      {"uniform_f32", withPointers(cuda::uniform_f32)}};
  const auto& run = kernels.at(kernel);
  blockDim.x = cuda::THREADS;
  for (blockIdx.x = 0; blockIdx.x * static_cast<std::int64_t>(cuda::THREADS) < threads; ++blockIdx.x)
    for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) run(arguments);
}

struct Case {
  std::string name;
  std::vector<std::int64_t> sizes;
  DropoutSite site;
};

/// Sizes that fill no thread, some, and many blocks; rows that end within a thread's elements; every way to say which part of the whole is at hand.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::vector<std::int64_t>& sizes : {std::vector<std::int64_t>{0, 4}, {1}, {7}, {8}, {100, 1}, {3, 5}, {9, 16}, {2, 3, 4, 10}, {37, 1003}}) {
    const auto rows = c10::multiply_integers(sizes) / sizes.back();
    std::string name;
    for (const auto size : sizes) name += (name.empty() ? "" : "x") + std::to_string(size);
    const auto add = [&](const std::string& what, DropoutSite site) { all.push_back({name + ", " + what, sizes, std::move(site)}); };
    // More than 2^32 elements come before some of them.
    const auto numbers = torch::randperm(rows, torch::kLong) * 123456789;
    add("whole", {7, 3, 0.1});
    add("nothing dropped", {7, 3, 0.0});
    add("rows", {7, 4, 0.5, {2, 3}});
    add("rows far behind", {7, 4, 0.5, {std::int64_t{1} << 30, std::int64_t{1} << 31}});
    add("columns", {8, 3, 0.3, {}, {1, 2}});
    add("rows and columns", {1ULL << 63, 1ULL << 62, 0.3, {1, 2}, {3, 4}});
    add("numbered rows", {7, 3, 0.9, {}, {}, numbers});
    add("numbered rows and columns", {7, 3, 0.2, {}, {2, 3}, numbers});
  }
  return all;
}

/// Values among which are all that arithmetic treats in a way of their own, in memory that begins `offset` elements behind an aligned place.
at::Tensor values(const std::vector<std::int64_t>& sizes, at::ScalarType type, std::int64_t offset, std::int64_t seed) {
  torch::manual_seed(seed);
  const auto n = c10::multiply_integers(sizes);
  const auto x = torch::randn({n + offset}).to(type).narrow(0, offset, n).view(sizes);
  if (n > 5) x.view(-1).narrow(0, 0, 5).copy_(torch::tensor({-0.0F, INFINITY, -INFINITY, NAN, 1e-40F}));
  return x;
}

/// The same bits; a number that is none is written in several ways.
void expectSame(const at::Tensor& ours, const at::Tensor& expected) {
  ASSERT_EQ(ours.scalar_type(), expected.scalar_type());
  const auto bits = [](const at::Tensor& x) { return x.detach().cpu().contiguous().masked_fill(x.detach().cpu().isnan(), 7.0).view(x.element_size() == 4 ? torch::kInt : torch::kShort); };
  EXPECT_TRUE(torch::equal(ours.isnan().cpu(), expected.isnan().cpu()));
  EXPECT_TRUE(torch::equal(bits(ours), bits(expected)));
}

/// What `work` writes into a tensor like `x`, and nothing around it.
at::Tensor written(const at::Tensor& x, std::int64_t offset, const std::function<void(const at::Tensor&)>& work) {
  constexpr std::int64_t around = 16;
  const auto memory = torch::full({x.numel() + around + offset}, 77.0, x.options());
  const auto y = memory.narrow(0, offset, x.numel()).view(x.sizes());
  work(y);
  EXPECT_TRUE(memory.narrow(0, 0, offset).eq(77.0).all().item<bool>());
  EXPECT_TRUE(memory.narrow(0, offset + x.numel(), around).eq(77.0).all().item<bool>());
  return y;
}

struct Results {
  at::Tensor dropout, dropoutGradient, added, addedGradient, residualGradient, relu, reluGradient, uniform;
};

/// By the functions of the engine, on a device, whose memory begins `offset` elements behind an aligned place.
Results byEngine(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& dy, std::int64_t offset, DropoutSite site, c10::Device device) {
  if (site.rowNumbers.defined()) site.rowNumbers = site.rowNumbers.to(device);
  const auto there = [&](const at::Tensor& from) {
    return torch::empty({from.numel() + offset}, from.options().device(device)).narrow(0, offset, from.numel()).view(from.sizes()).copy_(from);
  };
  const auto leaf = [&](const at::Tensor& from) { return there(from).requires_grad_(); };
  const auto gradient = there(dy);
  Results results;
  auto input = leaf(x);
  results.dropout = dropout(input, site);
  if (site.probability > 0.0) results.dropout.backward(gradient);
  results.dropoutGradient = site.probability > 0.0 ? input.grad() : gradient;
  input = leaf(x);
  const auto other = leaf(residual);
  results.added = addDropout(other, input, site);
  results.added.backward(gradient);
  results.addedGradient = input.grad();
  results.residualGradient = other.grad();
  input = leaf(x);
  results.relu = reluDropout(input, site);
  results.relu.backward(gradient);
  results.reluGradient = input.grad();
  results.uniform = uniform(x.sizes(), site, gradient.options().dtype(torch::kFloat));
  return results;
}

/// Calls check(type, offset of the memory, case) for every combination.
void forAll(const std::function<void(at::ScalarType, std::int64_t, const Case&)>& check) {
  for (const auto type : {torch::kFloat, torch::kBFloat16})
    for (const std::int64_t offset : {0, 1})
      for (const auto& one : cases()) {
        SCOPED_TRACE(std::string(c10::toString(type)) + ", offset " + std::to_string(offset) + ", " + one.name);
        check(type, offset, one);
      }
}

/// Where the CPU rounds a product before it adds, the sum's last bit differs from the GPU's.
bool roundsOnce() { return &instructionSet() != instructionSets().front(); }

TEST(CudaKernels, AsCppHaveTheBitsOfTheCpu) {
  forAll([](at::ScalarType type, std::int64_t offset, const Case& one) {
    const auto& site = one.site;
    const auto x = values(one.sizes, type, offset, 1), residual = values(one.sizes, type, 0, 2), dy = values(one.sizes, type, offset, 3);
    const auto expected = byEngine(x, residual, dy, offset, site, torch::kCPU);
    expectSame(written(x, offset, [&](const at::Tensor& y) { cuda::dropout(launchHere, {}, x, y, site); }), expected.dropout);
    const auto back = written(x, 0, [&](const at::Tensor& dx) { cuda::dropout(launchHere, {}, dy, dx, site); });
    expectSame(back, expected.dropoutGradient);
    expectSame(back, expected.addedGradient);
    const auto added = written(x, 0, [&](const at::Tensor& y) { cuda::dropout(launchHere, residual, x, y, site); });
    if (roundsOnce()) expectSame(added, expected.added);
    else EXPECT_TRUE(torch::allclose(added, expected.added, 1e-2, 1e-6, true));
    const auto relu = written(x, offset, [&](const at::Tensor& y) { cuda::reluDropout(launchHere, x, y, site); });
    expectSame(relu, expected.relu);
    const auto scale = static_cast<float>(1.0 / (1.0 - site.probability));
    expectSame(written(x, 0, [&](const at::Tensor& dx) { cuda::reluDropoutBackward(launchHere, dy, relu, dx, scale); }), expected.reluGradient);
    if (type != torch::kFloat) return;
    expectSame(written(x, offset, [&](const at::Tensor& y) { cuda::uniform(launchHere, y, site); }), expected.uniform);
    // And the libtorch ops that stand in where there are no kernels.
    expectSame(written(x, 0, [&](const at::Tensor& y) { cuda::dropout(launchHere, {}, torch::ones_like(x), y, site); }), dropoutFactors(one.sizes, site, torch::kFloat));
    expectSame(expected.uniform, uniformReference(one.sizes, site, torch::kFloat));
  });
}

TEST(CudaKernels, TakeTheirKeyFromMemory) {
  const DropoutSite site{7, 3, 0.4};
  DropoutSite captured{7, 4, 0.4};
  const auto [first, second] = dropoutWords(7, 3);
  captured.words = torch::tensor({std::int64_t{first}, std::int64_t{second}}, torch::kLong);
  const auto x = values({37, 1003}, torch::kFloat, 0, 1);
  expectSame(written(x, 0, [&](const at::Tensor& y) { cuda::dropout(launchHere, {}, x, y, captured); }), dropout(x, site));
  expectSame(written(x, 0, [&](const at::Tensor& y) { cuda::dropout(launchHere, x, x, y, captured); }), written(x, 0, [&](const at::Tensor& y) { cuda::dropout(launchHere, x, x, y, site); }));
  expectSame(written(x, 0, [&](const at::Tensor& y) { cuda::reluDropout(launchHere, x, y, captured); }), reluDropout(x, site));
  expectSame(written(x, 0, [&](const at::Tensor& y) { cuda::uniform(launchHere, y, captured); }), uniform(x.sizes(), site, torch::kFloat));
}

TEST(CudaKernels, CompileForEveryGpu) {
  const cuda::Compiler* compiler = nullptr;
  try {
    compiler = &cuda::Compiler::library();
  } catch (const Failure& failure) {
    GTEST_SKIP() << failure.what();
  }
  // Turing, Ampere, Hopper, Blackwell of data centres and of desktops.
  for (const int capability : {75, 80, 90, 100, 120}) {
    SCOPED_TRACE(capability);
    EXPECT_EQ(cuda::architectureFor(capability, compiler->capabilities()), "sm_" + std::to_string(capability));
    const auto ptx = compiler->compile("compute_" + std::to_string(capability)), code = compiler->compile("sm_" + std::to_string(capability));
    EXPECT_TRUE(code.starts_with("\x7f" "ELF"));
    // A thread's elements move in one access.
    EXPECT_NE(ptx.find("ld.global.v4"), std::string::npos);
    EXPECT_NE(ptx.find("st.global.v4"), std::string::npos);
    for (const std::string kernel : cuda::KERNELS) {
      EXPECT_NE(ptx.find(".entry " + kernel + "("), std::string::npos) << kernel;
      EXPECT_NE(code.find(".text." + kernel), std::string::npos) << kernel;
    }
  }
  EXPECT_THROW(compiler->compile("compute_1"), Failure);
}

TEST(CudaKernels, TakeTheNewestCodeThatTheGpuRuns) {
  const std::vector<int> known{75, 80, 90, 100};
  EXPECT_EQ(cuda::architectureFor(80, known), "sm_80");
  EXPECT_EQ(cuda::architectureFor(89, known), "compute_80");
  EXPECT_EQ(cuda::architectureFor(130, known), "compute_100");
  EXPECT_EQ(cuda::architectureFor(70, known), "");
}

TEST(CudaKernels, SayWhyThereAreNone) {
  if (cudaFacts().available) GTEST_SKIP() << "There is a GPU here.";
  const c10::Device gpu(c10::kCUDA, 0);
  EXPECT_NE(cuda::prepare(gpu).find("NVIDIA driver"), std::string::npos) << cuda::prepare(gpu);
  EXPECT_FALSE(cuda::launchOn(gpu));
}

TEST(CudaKernels, OnAGpuHaveTheBitsOfTheCpu) {
  if (!cudaFacts().available) GTEST_SKIP() << cudaFacts().reason;
  const c10::Device gpu(c10::kCUDA, 0);
  ASSERT_EQ(cuda::prepare(gpu), "");
  forAll([&](at::ScalarType type, std::int64_t offset, const Case& one) {
    const auto x = values(one.sizes, type, offset, 1), residual = values(one.sizes, type, 0, 2), dy = values(one.sizes, type, offset, 3);
    const auto expected = byEngine(x, residual, dy, offset, one.site, torch::kCPU), found = byEngine(x, residual, dy, offset, one.site, gpu);
    expectSame(found.dropout, expected.dropout);
    expectSame(found.dropoutGradient, expected.dropoutGradient);
    if (roundsOnce()) expectSame(found.added, expected.added);
    expectSame(found.addedGradient, expected.addedGradient);
    expectSame(found.residualGradient, expected.residualGradient);
    expectSame(found.relu, expected.relu);
    expectSame(found.reluGradient, expected.reluGradient);
    expectSame(found.uniform, expected.uniform);
  });
}

}  // namespace
