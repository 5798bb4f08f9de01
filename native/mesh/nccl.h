// NCCL, found at run time: the collectives between GPUs. libtorch's CUDA library needs it, so where that is loaded it is there.
#pragma once

#include <cstddef>
#include <string>

namespace switchyard {

// The parts of nccl.h used here; its ABI is stable.
using NcclCommunicator = struct ncclComm*;
struct NcclId {
  char bytes[128];
};
enum NcclType : int { NCCL_INT8 = 0, NCCL_UINT8 = 1, NCCL_INT32 = 2, NCCL_INT64 = 4, NCCL_FLOAT16 = 6, NCCL_FLOAT32 = 7, NCCL_FLOAT64 = 8, NCCL_BFLOAT16 = 9 };
constexpr int NCCL_SUM = 0;

class Nccl {
 public:
  /// Throws Failure (of kind `device`) where it is not installed.
  static const Nccl& library();
  /// Throws Failure (of kind `mesh`) where a call did not succeed.
  void check(int result) const;

  int (*getUniqueId)(NcclId*) = nullptr;
  int (*commInitRank)(NcclCommunicator*, int ranks, NcclId, int rank) = nullptr;
  int (*commDestroy)(NcclCommunicator) = nullptr;
  int (*groupStart)() = nullptr;
  int (*groupEnd)() = nullptr;
  // Counts are elements; the last argument is a cudaStream_t.
  int (*allReduce)(const void* from, void* to, std::size_t count, int type, int operation, NcclCommunicator, void* stream) = nullptr;
  int (*allGather)(const void* from, void* to, std::size_t countOfOne, int type, NcclCommunicator, void* stream) = nullptr;
  int (*reduceScatter)(const void* from, void* to, std::size_t countOfOne, int type, int operation, NcclCommunicator, void* stream) = nullptr;
  int (*broadcast)(const void* from, void* to, std::size_t count, int type, int root, NcclCommunicator, void* stream) = nullptr;
  int (*send)(const void* from, std::size_t count, int type, int peer, NcclCommunicator, void* stream) = nullptr;
  int (*receive)(void* to, std::size_t count, int type, int peer, NcclCommunicator, void* stream) = nullptr;

 private:
  Nccl();
  const char* (*errorString)(int) = nullptr;
};

}  // namespace switchyard
