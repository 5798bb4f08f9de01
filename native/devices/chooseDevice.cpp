#include "chooseDevice.h"

#include <ATen/detail/CUDAHooksInterface.h>

#include <algorithm>
#include <sstream>

#include "../failure.h"
#include "nvml.h"

namespace switchyard {
namespace {

Failure refusal(const std::string& sentence) { return Failure(sentence, "", FailureKind::device); }

std::string inWords(std::int64_t count) { return std::to_string(count) + (count == 1 ? " GPU" : " GPUs"); }

bool isNumber(const std::string& text) {
  return !text.empty() && text.size() <= 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string> parts(const std::string& list) {
  std::vector<std::string> all;
  std::istringstream from(list);
  for (std::string part; std::getline(from, part, ',');) all.push_back(part);
  return all;
}

}  // namespace

std::int64_t deviceNumber(const std::string& asked, std::int64_t rank, std::int64_t ranks, const CudaFacts& cuda, std::int64_t count, const std::vector<GpuFacts>& gpus) {
  if (asked == "cpu") return -1;
  if (asked == "auto") return cuda.available && count >= ranks ? rank : -1;
  const std::string prefix = "cuda:", uuid = "GPU-";
  const bool all = asked == "cuda", numbered = asked.starts_with(prefix) && isNumber(asked.substr(prefix.size())), listed = asked.starts_with(uuid);
  if (!all && !numbered && !listed) throw refusal("The device \"" + asked + "\" is not known; use \"auto\", \"cpu\", \"cuda\", \"cuda:0\" or the UUIDs of GPUs.");
  if (!cuda.available) throw refusal("The device " + asked + " can't be used: " + cuda.reason + " Choose \"cpu\" or \"auto\".");
  if (numbered && ranks > 1) throw refusal("A mesh of " + std::to_string(ranks) + " ranks takes a GPU for each; choose \"cuda\", or name their UUIDs.");
  if (listed) {
    const auto names = parts(asked);
    if (static_cast<std::int64_t>(names.size()) != ranks)
      throw refusal(inWords(static_cast<std::int64_t>(names.size())) + " are named for " + std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks") + "; name one for each.");
    const auto& name = names[static_cast<std::size_t>(rank)];
    const auto found = std::find_if(gpus.begin(), gpus.end(), [&](const GpuFacts& gpu) { return gpu.uuid == name; });
    if (found == gpus.end()) throw refusal("There is no GPU with the UUID " + name + " on this machine; choose another device.");
    return found->index;
  }
  const auto number = numbered ? std::stoll(asked.substr(prefix.size())) : rank;
  if (number >= count && numbered) throw refusal("There is no " + asked + ": this machine shows " + inWords(count) + ", counted from 0. Choose another device.");
  if (ranks > count) throw refusal("A mesh of " + std::to_string(ranks) + " ranks takes a GPU for each, and this machine shows " + inWords(count) + "; choose a smaller mesh, or the CPU.");
  return number;
}

c10::Device chooseDevice(const std::string& asked, std::int64_t rank, std::int64_t ranks) {
  if (asked == "cpu") return c10::kCPU;
  const auto cuda = cudaFacts();
  const auto count = cuda.available ? static_cast<std::int64_t>(at::detail::getCUDAHooks().deviceCount()) : 0;
  const auto number = deviceNumber(asked, rank, ranks, cuda, count, asked.starts_with("GPU-") ? readGpus(cuda.available) : std::vector<GpuFacts>{});
  return number < 0 ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(number));
}

}  // namespace switchyard
