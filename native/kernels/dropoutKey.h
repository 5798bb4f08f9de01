// From a dropout site to the words that the loops mix into each element's index.
#pragma once

#include "dropout.h"
#include "number.h"

namespace switchyard::kernels {

DropoutKey dropoutKey(const DropoutSite& site);

}  // namespace switchyard::kernels
