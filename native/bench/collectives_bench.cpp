// Collectives of two ranks, each a process of one thread, over shared memory and over Gloo in turn.
//   collectives_bench [ROUNDS]
// Prints one JSON line: median milliseconds of each, by what is moved.
#include <sys/wait.h>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/torch.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "../mesh/group.h"
#include "../mesh/hostBackend.h"
#include "median.h"

namespace {

using namespace switchyard;
using Clock = std::chrono::steady_clock;

struct Case {
  const char* name;
  std::int64_t elements;
  void (*run)(Group&, const at::Tensor&);
};

constexpr std::int64_t MIBI = 1 << 20;
const Case CASES[] = {
    {"sum of 100 MiB", 25 * MIBI, [](Group& group, const at::Tensor& x) { group.sum(x, Traffic::gradients); }},
    {"exchange of 4 MiB", MIBI, [](Group& group, const at::Tensor& x) { group.exchange(x, Traffic::experts); }},
    {"gather of 64 KiB", MIBI / 64, [](Group& group, const at::Tensor& x) { group.gather(x, Traffic::routing); }},
    {"sum of 8 bytes", 2, [](Group& group, const at::Tensor& x) { group.sum(x, Traffic::control); }},
};

void measure(const std::string& file, int rank, int rounds) {
  at::set_num_threads(1);
  const auto store = c10::make_intrusive<c10d::FileStore>(file, 2);
  TrafficMeter meter;
  const auto connect = [&](const char* name, auto backend) {
    return Group(backend(c10::make_intrusive<c10d::PrefixStore>(name, store), rank, 2), {}, rank, 2, meter);
  };
  Group shared = connect("shared", hostBackend), gloo = connect("gloo", glooBackend);
  std::string line = "{";
  for (const auto& [name, elements, run] : CASES) {
    const auto x = torch::zeros({2, elements / 2});
    std::vector<double> times[2];
    // The first rounds fetch memory.
    for (int round = -2; round < rounds; ++round)
      for (auto* group : {&shared, &gloo}) {
        const auto start = Clock::now();
        run(*group, x);
        if (round >= 0) times[group == &gloo].push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
      }
    char text[200];
    std::snprintf(text, sizeof text, R"(%s"%s": {"shared": %.4f, "gloo": %.4f})", line.size() > 1 ? ", " : "", name, median(times[0]), median(times[1]));
    line += text;
  }
  if (rank == 0) std::printf("%s}\n", line.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 15;
  const auto file = std::filesystem::temp_directory_path() / ("switchyard-collectives-" + std::to_string(::getpid()));
  const auto other = ::fork();
  measure(file, other == 0 ? 1 : 0, rounds);
  if (other == 0) return 0;
  ::waitpid(other, nullptr, 0);
  std::filesystem::remove(file);
}
