// Which device a rank gets, on machines with GPUs and without.
#include <gtest/gtest.h>

#include "../devices/chooseDevice.h"
#include "../failure.h"
#include "../mesh/nccl.h"

namespace {

using namespace switchyard;

const CudaFacts NONE{false, "There is no NVIDIA driver on this machine.", ""}, SOME{true, "", ""};

std::vector<GpuFacts> gpus(int count) {
  std::vector<GpuFacts> all(static_cast<std::size_t>(count));
  // NVML's order, which the numbers follow.
  for (int i = 0; i < count; ++i) all[static_cast<std::size_t>(i)].index = i, all[static_cast<std::size_t>(i)].uuid = "GPU-" + std::string(1, static_cast<char>('a' + i));
  return all;
}

std::int64_t number(const std::string& asked, std::int64_t rank, std::int64_t ranks, int count) {
  return deviceNumber(asked, rank, ranks, count > 0 ? SOME : NONE, count, gpus(count));
}

std::string refused(const std::string& asked, std::int64_t rank, std::int64_t ranks, int count) {
  try {
    number(asked, rank, ranks, count);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

TEST(ChooseDevice, GivesEachRankItsOwn) {
  EXPECT_EQ(number("cpu", 3, 4, 8), -1);
  EXPECT_EQ(number("auto", 0, 1, 0), -1);
  EXPECT_EQ(number("auto", 0, 1, 2), 0);
  EXPECT_EQ(number("auto", 1, 2, 2), 1);
  EXPECT_EQ(number("auto", 1, 4, 2), -1);
  EXPECT_EQ(number("cuda", 3, 4, 4), 3);
  EXPECT_EQ(number("cuda:1", 0, 1, 2), 1);
  EXPECT_EQ(number("GPU-c", 0, 1, 4), 2);
  EXPECT_EQ(number("GPU-d,GPU-a", 1, 2, 4), 0);
}

TEST(ChooseDevice, RefusesWithWhatToChooseInstead) {
  EXPECT_NE(refused("tpu", 0, 1, 1).find("is not known"), std::string::npos);
  EXPECT_NE(refused("cuda:0", 0, 1, 0).find("There is no NVIDIA driver"), std::string::npos);
  EXPECT_NE(refused("cuda:2", 0, 1, 2).find("2 GPUs"), std::string::npos);
  EXPECT_NE(refused("cuda:0", 0, 2, 2).find("a GPU for each"), std::string::npos);
  EXPECT_NE(refused("cuda", 0, 4, 2).find("smaller mesh"), std::string::npos);
  EXPECT_NE(refused("GPU-a", 0, 2, 2).find("name one for each"), std::string::npos);
  EXPECT_NE(refused("GPU-x", 0, 1, 2).find("GPU-x"), std::string::npos);
}

TEST(ChooseDevice, SaysWhereNcclIsMissing) {
  try {
    Nccl::library();
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("NCCL"), std::string::npos);
    EXPECT_EQ(failure.kind, FailureKind::device);
  }
}

}  // namespace
