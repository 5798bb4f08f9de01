// Work that each rank does by itself, and that counts when all of them have done it.
#pragma once

#include <exception>

#include "../failure.h"
#include "mesh.h"

namespace switchyard {

/// Whether all ranks have done theirs. All of them call it.
bool allDone(Mesh& mesh, bool done);

/// Does the work on each rank; throws on all of them where one could not. A null mesh is one rank.
template <class Work>
void together(Mesh* mesh, Work work) {
  std::exception_ptr failure;
  try { work(); } catch (...) { failure = std::current_exception(); }
  const bool done = !mesh || allDone(*mesh, !failure);
  if (failure) std::rethrow_exception(failure);
  if (!done) throw Failure("Another rank of the mesh could not do it.", "", FailureKind::checkpoint);
}

}  // namespace switchyard
