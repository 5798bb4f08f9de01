// The processor and the memory of this machine, from /proc.
#pragma once

#include "devices.h"

namespace switchyard {

CpuFacts readCpu();

}  // namespace switchyard
