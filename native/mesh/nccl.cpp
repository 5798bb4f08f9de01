#include "nccl.h"

#include "../devices/foundLibrary.h"
#include "../failure.h"

namespace switchyard {

Nccl::Nccl() {
  const FoundLibrary library("libnccl.so.2", "GPUs can't train together here: NCCL (libnccl.so.2) was not found. Run npm start, which installs it, or choose the CPU.",
                             "GPUs can't train together here: the NCCL of this machine is too old. Run npm start, which installs another.");
  library.find(getUniqueId, "ncclGetUniqueId");
  library.find(commInitRank, "ncclCommInitRank");
  library.find(commDestroy, "ncclCommDestroy");
  library.find(groupStart, "ncclGroupStart");
  library.find(groupEnd, "ncclGroupEnd");
  library.find(allReduce, "ncclAllReduce");
  library.find(allGather, "ncclAllGather");
  library.find(reduceScatter, "ncclReduceScatter");
  library.find(broadcast, "ncclBroadcast");
  library.find(send, "ncclSend");
  library.find(receive, "ncclRecv");
  library.find(errorString, "ncclGetErrorString");
}

const Nccl& Nccl::library() {
  static const Nccl loaded;
  return loaded;
}

void Nccl::check(int result) const {
  // 0 is ncclSuccess.
  if (result != 0) throw Failure("A collective between the GPUs of the mesh failed.", errorString(result), FailureKind::mesh);
}

}  // namespace switchyard
