#include "cpu.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

namespace switchyard {
namespace {

/// Those that matter to the engine, as /proc/cpuinfo names them.
constexpr std::array INSTRUCTION_SETS{"sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_tile", "avx_vnni", "neon", "asimd", "sve"};

/// "key : value" of a line of /proc/cpuinfo or /proc/meminfo.
std::pair<std::string, std::string> keyAndValue(const std::string& line) {
  const auto colon = line.find(':');
  if (colon == std::string::npos) return {};
  const auto keyEnd = line.find_last_not_of(" \t", colon == 0 ? 0 : colon - 1);
  const auto valueStart = line.find_first_not_of(" \t", colon + 1);
  return {line.substr(0, keyEnd == std::string::npos ? 0 : keyEnd + 1), valueStart == std::string::npos ? "" : line.substr(valueStart)};
}

void readProcessor(CpuFacts& facts) {
  std::ifstream file("/proc/cpuinfo");
  std::set<std::pair<std::string, std::string>> cores;
  std::string socket = "0";
  for (std::string line; std::getline(file, line);) {
    const auto [key, value] = keyAndValue(line);
    if (key == "model name" && facts.name.empty()) facts.name = value;
    if (key == "physical id") socket = value;
    if (key == "core id") cores.emplace(socket, value);
    if ((key == "flags" || key == "Features") && facts.instructionSets.empty()) {
      std::istringstream words(value);
      std::set<std::string> flags;
      for (std::string word; words >> word;) flags.insert(word);
      for (const auto* name : INSTRUCTION_SETS)
        if (flags.contains(name)) facts.instructionSets.emplace_back(name);
    }
  }
  if (facts.name.empty()) facts.name = "CPU";
  facts.logicalCores = std::max(1u, std::thread::hardware_concurrency());
  facts.physicalCores = cores.empty() ? facts.logicalCores : static_cast<std::int64_t>(cores.size());
}

void readMemory(CpuFacts& facts) {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    const auto [key, value] = keyAndValue(line);
    if (key == "MemTotal") facts.memoryBytes = std::stoll(value) * 1024;
    if (key == "MemAvailable") facts.memoryAvailableBytes = std::stoll(value) * 1024;
  }
}

}  // namespace

CpuFacts readCpu() {
  CpuFacts facts;
  readProcessor(facts);
  readMemory(facts);
  return facts;
}

}  // namespace switchyard
