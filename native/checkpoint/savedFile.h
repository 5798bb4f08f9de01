// A file that was written, as a manifest names it.
#pragma once

#include <cstdint>
#include <string>

namespace switchyard {

struct SavedFile {
  /// Within its folder.
  std::string name;
  std::int64_t bytes = 0;
  std::string sha256;
};

}  // namespace switchyard
