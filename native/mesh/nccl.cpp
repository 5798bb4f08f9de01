#include "nccl.h"

#include <dlfcn.h>

#include "../failure.h"

namespace switchyard {

Nccl::Nccl() {
  void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    throw Failure("GPUs can't train together here: NCCL (libnccl.so.2) was not found. Run npm start, which installs it, or choose the CPU.", why ? why : "", FailureKind::device);
  }
  const auto find = [&]<class Function>(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (!function) throw Failure("GPUs can't train together here: the NCCL of this machine is too old. Run npm start, which installs another.", name, FailureKind::device);
  };
  find(getUniqueId, "ncclGetUniqueId");
  find(commInitRank, "ncclCommInitRank");
  find(commDestroy, "ncclCommDestroy");
  find(groupStart, "ncclGroupStart");
  find(groupEnd, "ncclGroupEnd");
  find(allReduce, "ncclAllReduce");
  find(allGather, "ncclAllGather");
  find(reduceScatter, "ncclReduceScatter");
  find(broadcast, "ncclBroadcast");
  find(send, "ncclSend");
  find(receive, "ncclRecv");
  find(errorString, "ncclGetErrorString");
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
