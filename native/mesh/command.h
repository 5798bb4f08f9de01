// What rank 0 tells the other ranks to do: the calls of an engine, with their batch.
#pragma once

#include <optional>
#include <string>

#include "../engine.h"
#include "mesh.h"

namespace switchyard {

struct Command {
  enum class Kind : std::int64_t { end, step, evaluate, evaluateTeacher, start, save, load };
  Kind kind = Kind::end;
  bool routing = false;
  Batch batch = {};
  /// File or folder of `start`, `save` and `load`.
  std::string path = {};
};

/// Rank 0: tells all others.
void tell(Mesh& mesh, const Command& command);
/// The others: waits for what comes next.
Command listen(Mesh& mesh);

}  // namespace switchyard
