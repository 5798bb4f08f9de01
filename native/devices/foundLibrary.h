// A library that is found by its name when it is needed: neither building nor a machine without a GPU needs it.
#pragma once

#include <string>

namespace switchyard {

class FoundLibrary {
 public:
  /// Throws Failure (of kind `device`) with the sentence `missing` where it can't be loaded; `tooOld` is that of a function which it has not. It stays loaded.
  FoundLibrary(const char* name, const std::string& missing, std::string tooOld);

  template <class Function>
  void find(Function& function, const char* name) const { function = reinterpret_cast<Function>(address(name)); }

 private:
  void* address(const char* name) const;

  void* library;
  std::string tooOld;
};

}  // namespace switchyard
