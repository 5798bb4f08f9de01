// The collectives of ranks on one machine, over shared memory and over Gloo.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/torch.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "../failure.h"
#include "../mesh/group.h"
#include "../mesh/hostBackend.h"
#include "../mesh/sharedMemoryBackend.h"
#include "../mesh/timedWork.h"
#include "meshRanks.h"

namespace {

using namespace switchyard;
using switchyard::testing::Folder;

using Connect = c10::intrusive_ptr<c10d::Backend> (*)(const c10::intrusive_ptr<c10d::Store>&, int, int);

/// Calls work(group) on each of `size` ranks, threads of this process.
void onRanks(int size, Connect connect, const std::function<void(Group&)>& work) {
  const auto store = c10::make_intrusive<c10d::HashStore>();
  std::vector<std::thread> ranks;
  for (int rank = 0; rank < size; ++rank)
    ranks.emplace_back([&, rank] {
      TrafficMeter meter;
      Group group(connect(store, rank, size), {}, rank, size, meter);
      work(group);
    });
  for (auto& rank : ranks) rank.join();
}

/// What rank `rank` has: no two elements and no two ranks alike, and exact in all types.
at::Tensor valuesOf(std::int64_t rank, std::int64_t count, at::ScalarType type) { return torch::arange(count).remainder(13).add(rank * 16).to(type); }

class Collectives : public ::testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  int size() const { return std::get<0>(GetParam()); }
  Connect connect() const { return std::get<1>(GetParam()) ? hostBackend : glooBackend; }
};

/// More than a slot holds, and no multiple of anything.
constexpr std::int64_t COUNTS[] = {1, 7, 4096, 700'001};

TEST_P(Collectives, Sums) {
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kLong})
    for (const auto count : COUNTS) {
      auto expected = torch::zeros({count}, at::kDouble);
      for (int rank = 0; rank < size(); ++rank) expected += valuesOf(rank, count, at::kDouble);
      onRanks(size(), connect(), [&](Group& group) {
        const auto x = valuesOf(group.rank(), count, type);
        group.sum(x, Traffic::control);
        EXPECT_TRUE(torch::equal(x.to(at::kDouble), expected)) << toString(type) << " " << count;
      });
    }
}

TEST_P(Collectives, GathersExchangesAndBroadcasts) {
  for (const auto count : COUNTS) {
    onRanks(size(), connect(), [&](Group& group) {
      const auto n = group.size(), own = group.rank();
      const auto all = group.gather(valuesOf(own, count, at::kFloat), Traffic::control);
      // Row i of rank r holds 100·r + i.
      const auto rows = torch::arange(n).add(100 * own).to(at::kFloat).unsqueeze(1).repeat({1, count});
      const auto arrived = group.exchange(rows, Traffic::experts);
      for (std::int64_t rank = 0; rank < n; ++rank) {
        EXPECT_TRUE(torch::equal(all[rank], valuesOf(rank, count, at::kFloat))) << count;
        EXPECT_TRUE(arrived[rank].eq(static_cast<double>(100 * rank + own)).all().item<bool>()) << count;
        const auto x = valuesOf(own, count, at::kFloat);
        group.broadcast(x, rank, Traffic::control);
        EXPECT_TRUE(torch::equal(x, valuesOf(rank, count, at::kFloat))) << count;
      }
    });
  }
}

TEST_P(Collectives, SumsAndGathersParts) {
  for (const auto part : COUNTS) {
    const auto count = part * size();
    auto expected = torch::zeros({count}, at::kFloat);
    for (int rank = 0; rank < size(); ++rank) expected += valuesOf(rank, count, at::kFloat);
    onRanks(size(), connect(), [&](Group& group) {
      const auto x = valuesOf(group.rank(), count, at::kFloat);
      const auto own = group.sumPartsLater(x, Traffic::gradients).wait();
      EXPECT_EQ(own.data_ptr(), x[group.rank() * part].data_ptr());
      EXPECT_TRUE(torch::equal(own, expected.narrow(0, group.rank() * part, part))) << part;
      group.gatherParts(x, Traffic::parameters);
      EXPECT_TRUE(torch::equal(x, expected)) << part;
    });
  }
}

TEST_P(Collectives, KeepTheOrderOfWhatIsDoneLaterAndAtOnce) {
  onRanks(size(), connect(), [&](Group& group) {
    const auto n = static_cast<double>(group.size());
    for (int turn = 0; turn < 20; ++turn) {
      std::vector<Group::Pending> pending;
      for (int i = 0; i < 5; ++i) pending.push_back(group.sumLater(torch::full({100'000 + i}, i + 1.0), Traffic::gradients));
      const auto now = torch::full({3}, 2.0);
      group.sum(now, Traffic::control);
      EXPECT_EQ(now[2].item<double>(), 2.0 * n);
      for (int i = 0; i < 5; ++i) EXPECT_TRUE(pending[static_cast<std::size_t>(i)].wait().eq((i + 1.0) * n).all().item<bool>());
    }
  });
}

/// Time in a collective is that of whoever waits in it.
TEST_P(Collectives, TellHowLongTheyTook) {
  onRanks(size(), connect(), [&](Group& group) {
    const auto seconds = [&](Traffic kind) { return group.traffic().uses[static_cast<std::size_t>(kind)].seconds; };
    const auto x = torch::ones({4});
    group.sum(x, Traffic::control);
    const auto before = seconds(Traffic::control);
    if (group.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    group.sum(x, Traffic::control);
    if (group.rank() == 0) {
      EXPECT_GT(seconds(Traffic::control) - before, 0.08);
    }
    if (group.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    group.sumLater(x, Traffic::gradients).wait();
    if (group.rank() == 0) {
      EXPECT_GT(seconds(Traffic::gradients), 0.08);
    }
  });
}

/// As a GPU's: what it asks for is done at once and timed when all is done.
class TimedBackend : public c10d::Backend {
 public:
  TimedBackend() : Backend(0, 2) {}
  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>&, const c10d::AllreduceOptions&) override {
    struct Done : TimedWork {
      bool wait(std::chrono::milliseconds) override { return true; }
      double secondsWaited() const override { return 0.25; }
    };
    return c10::make_intrusive<Done>();
  }
};

TEST(Traffic, OfAGpuIsTimedWhenItsWorkIsDone) {
  TrafficMeter meter;
  Group group(c10::make_intrusive<TimedBackend>(), {}, 0, 2, meter);
  const auto& use = meter.uses[static_cast<std::size_t>(Traffic::gradients)];
  group.sum(torch::ones({4}), Traffic::gradients);
  group.sumLater(torch::ones({4}), Traffic::gradients).wait();
  EXPECT_EQ(use.calls, 2);
  EXPECT_EQ(use.bytes, 32.0);
  EXPECT_EQ(use.seconds, 0.0);
  meter.settle();
  EXPECT_EQ(use.seconds, 0.5);
  meter.settle();
  EXPECT_EQ(use.seconds, 0.5);
}

INSTANTIATE_TEST_SUITE_P(Ranks, Collectives, ::testing::Combine(::testing::Values(2, 3, 5), ::testing::Bool()), [](const auto& info) {
  return (std::get<1>(info.param) ? "SharedMemory" : "Gloo") + std::to_string(std::get<0>(info.param));
});

TEST(SharedMemory, IsWhatRanksOfOneMachineUse) {
  onRanks(2, [](const c10::intrusive_ptr<c10d::Store>& store, int rank, int size) {
    const auto backend = hostBackend(store, rank, size);
    EXPECT_EQ(backend->getBackendName(), "shared memory");
    return backend;
  }, [](Group&) {});
}

TEST(SharedMemory, NarrowNumbersAreRoundedOnce) {
  onRanks(5, hostBackend, [](Group& group) {
    // One at a time, 256 + 1 would stay 256 in bfloat16.
    const auto x = torch::full({3}, group.rank() == 0 ? 256.0 : 1.0, at::kBFloat16);
    group.sum(x, Traffic::control);
    EXPECT_TRUE(x.eq(260.0).all().item<bool>());
  });
}

TEST(SharedMemory, ARankThatLeavesIsNoticed) {
  onRanks(2, hostBackend, [](Group& group) {
    if (group.rank() == 1) return;
    try {
      group.sum(torch::ones({10}), Traffic::control);
      ADD_FAILURE() << "There was nobody to sum with.";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind, FailureKind::mesh);
      EXPECT_EQ(failure.detail, "Rank 1 of the group is gone.");
    }
  });
}

TEST(SharedMemory, ARankThatIsKilledIsNoticed) {
  const Folder folder;
  const auto open = [&](int rank) {
    c10d::FileStore store(folder / "store", 2);
    return SharedMemory::open(store, rank, 2);
  };
  const auto child = ::fork();
  if (child == 0) {
    const auto memory = open(1);
    for (;;) ::pause();
  }
  auto memory = open(0);
  ASSERT_TRUE(memory);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_THROW(memory->await(1, 1), std::runtime_error);
}

}  // namespace
