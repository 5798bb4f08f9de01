// What is read of GPUs, from a stand-in for NVIDIA's library: the functions are found by name and called as the real one's are.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "../devices/nvml.h"

namespace {

using namespace switchyard;

class Nvml : public ::testing::Test {
 protected:
  void SetUp() override {
    if (void* real = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
      dlclose(real);
      GTEST_SKIP() << "This machine has the real library.";
    }
    // From now on it is what that name finds.
    library = dlopen(STAND_IN_NVML, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
  }
  void TearDown() override {
    if (library) dlclose(library);
  }
  void* library = nullptr;
};

TEST_F(Nvml, TellsWhatEachGpuIs) {
  const auto gpus = readGpus(true);
  ASSERT_EQ(gpus.size(), 3U);
  const auto& first = gpus[0];
  EXPECT_EQ(first.index, 0);
  EXPECT_EQ(first.name, "Stand-in GPU");
  EXPECT_EQ(first.uuid, "GPU-a");
  EXPECT_EQ(first.memoryBytes, 24'000'000'000);
  EXPECT_EQ(first.memoryUsedBytes, 4'000'000'000);
  EXPECT_EQ(first.utilization, 37.0);
  EXPECT_EQ(first.temperature, 61.0);
  EXPECT_EQ(first.power, 215.5);
  EXPECT_EQ(gpus[2].utilization, std::nullopt);
  EXPECT_EQ(gpus[2].power, std::nullopt);
}

TEST_F(Nvml, TellsWhichGpusThisBuildHasCodeFor) {
  const auto gpus = readGpus(true);
  EXPECT_TRUE(gpus.at(0).usable);
  EXPECT_FALSE(gpus.at(1).usable);
  EXPECT_FALSE(readGpus(false).at(0).usable);
}

TEST_F(Nvml, TellsHowGpusReachEachOther) {
  const auto gpus = readGpus(true);
  ASSERT_EQ(gpus.at(0).peers.size(), 2U);
  EXPECT_EQ(gpus[0].peers[0].index, 1);
  EXPECT_EQ(gpus[0].peers[0].link, GpuLink::nvlink);
  EXPECT_EQ(gpus[0].peers[1].index, 2);
  EXPECT_EQ(gpus[0].peers[1].link, GpuLink::host);
  EXPECT_EQ(gpus[2].peers[1].link, GpuLink::host);
}

}  // namespace
