#include "foundLibrary.h"

#include <dlfcn.h>

#include <utility>

#include "../failure.h"

namespace switchyard {

FoundLibrary::FoundLibrary(const char* name, const std::string& missing, std::string tooOld) : library(dlopen(name, RTLD_NOW | RTLD_LOCAL)), tooOld(std::move(tooOld)) {
  if (library) return;
  const char* why = dlerror();
  throw Failure(missing, why ? why : "", FailureKind::device);
}

void* FoundLibrary::address(const char* name) const {
  void* found = dlsym(library, name);
  if (!found) throw Failure(tooOld, name, FailureKind::device);
  return found;
}

}  // namespace switchyard
