#include "sharedMemory.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {
namespace {

/// How often a waiting rank looks again before it lets its processor go: a few microseconds, what a rank that is nearly there takes.
constexpr int LOOKS = 64;
/// After so long without a word, a rank asks whether the other still lives.
constexpr timespec PATIENCE{0, 200'000'000};

constexpr std::size_t CACHE_LINE = 64, PAGE = 4096;

using Stage = std::atomic<std::uint32_t>;
static_assert(Stage::is_always_lock_free && sizeof(Stage) == sizeof(std::uint32_t));

long futex(Stage& word, int operation, std::uint32_t value, const timespec* timeout) {
  return ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), operation, value, timeout, nullptr, 0);
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Whether a rank at `stage` has come to `wanted`.
bool reached(std::uint32_t stage, std::uint32_t wanted) { return static_cast<std::int32_t>(stage - wanted) >= 0; }

std::vector<std::uint8_t> bytesOf(std::string_view text) { return {text.begin(), text.end()}; }
std::string textOf(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

/// An open file, closed at the end; -1 is none.
struct File {
  explicit File(int number) : number(number) {}
  ~File() {
    if (number >= 0) ::close(number);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const int number;
};

}  // namespace

/// One rank's; alone in its cache line.
struct alignas(CACHE_LINE) SharedMemory::Line {
  Stage stage{0};
  /// Ranks that sleep until the stage changes.
  std::atomic<std::uint32_t> sleepers{0};
  std::atomic<pid_t> process{0};
  std::atomic<bool> left{false};
};

namespace {

std::size_t headerBytes(int size) { return (static_cast<std::size_t>(size) * CACHE_LINE + PAGE - 1) / PAGE * PAGE; }
std::size_t bytesFor(int size) { return headerBytes(size) + static_cast<std::size_t>(size) * 2 * SharedMemory::SLOT; }

void* mapped(int file, int size) {
  if (file < 0) return nullptr;
  auto* memory = ::mmap(nullptr, bytesFor(size), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

std::unique_ptr<SharedMemory> SharedMemory::open(c10d::Store& store, int rank, int size) {
  // A file without a name: nothing of it is left when the ranks are gone, however they went.
  const File made(rank == 0 ? ::memfd_create("switchyard-mesh", MFD_CLOEXEC) : -1);
  void* memory = nullptr;
  if (rank == 0) {
    if (made.number >= 0 && ::ftruncate(made.number, static_cast<off_t>(bytesFor(size))) == 0) memory = mapped(made.number, size);
    if (memory)
      for (int r = 0; r < size; ++r) new (static_cast<char*>(memory) + r * sizeof(Line)) Line;
    store.set("memory", bytesOf("/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(made.number)));
  } else {
    memory = mapped(File(::open(textOf(store.get("memory")).c_str(), O_RDWR | O_CLOEXEC)).number, size);
  }
  std::unique_ptr<SharedMemory> own(memory ? new SharedMemory(memory, rank, size) : nullptr);
  store.set("mapped " + std::to_string(rank), bytesOf(memory ? "yes" : "no"));
  bool all = true;
  for (int r = 0; r < size; ++r) all = textOf(store.get("mapped " + std::to_string(r))) == "yes" && all;
  return all ? std::move(own) : nullptr;
}

SharedMemory::SharedMemory(void* memory, int rank, int size) : memory(memory), own(rank), size(size) { lineOf(rank).process = ::getpid(); }

SharedMemory::~SharedMemory() {
  auto& line = lineOf(own);
  line.left = true;
  futex(line.stage, FUTEX_WAKE, INT32_MAX, nullptr);
  ::munmap(memory, bytesFor(size));
}

SharedMemory::Line& SharedMemory::lineOf(int rank) const {
  static_assert(sizeof(Line) == CACHE_LINE);
  return static_cast<Line*>(memory)[rank];
}

char* SharedMemory::slot(int rank, std::uint32_t round) const {
  return static_cast<char*>(memory) + headerBytes(size) + (static_cast<std::size_t>(rank) * 2 + round % 2) * SLOT;
}

void SharedMemory::arrive(std::uint32_t stage) {
  auto& line = lineOf(own);
  line.stage = stage;
  if (line.sleepers > 0) futex(line.stage, FUTEX_WAKE, INT32_MAX, nullptr);
}

void SharedMemory::await(int rank, std::uint32_t stage) const {
  auto& line = lineOf(rank);
  for (int look = 0; look < LOOKS; ++look) {
    if (reached(line.stage.load(std::memory_order_acquire), stage)) return;
    pause();
  }
  ++line.sleepers;
  bool gone = line.left;
  for (;;) {
    // Read after: a rank that went may have come to its stage before.
    const auto now = line.stage.load();
    if (reached(now, stage)) break;
    if (gone) {
      --line.sleepers;
      throw std::runtime_error("Rank " + std::to_string(rank) + " of the group is gone.");
    }
    const bool silent = futex(line.stage, FUTEX_WAIT, now, &PATIENCE) != 0 && errno == ETIMEDOUT;
    gone = line.left || (silent && ::kill(line.process, 0) != 0 && errno == ESRCH);
  }
  --line.sleepers;
}

}  // namespace switchyard
