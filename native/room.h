// Whether a model fits into this machine's memory, known before anything is built: filling it first takes minutes and pushes everything else out.
#pragma once

#include "config.h"

namespace switchyard {

/// Bytes of the parameters of all ranks of a mesh, which are on one machine, with their gradients and what the optimizer keeps, and of a teacher.
double bytesToBuild(const EngineConfig& config);

/// Throws Failure where those exceed the memory of the machine.
void expectRoom(const EngineConfig& config);

}  // namespace switchyard
