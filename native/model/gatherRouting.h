// From each rank's routing of its own rows to that of the whole batch.
#pragma once

#include <vector>

#include "../mesh/group.h"
#include "router.h"

namespace switchyard {

/// Makes balance, load and kept of layers that were routed by each rank alone those of the whole batch, with gradients for this rank's
/// rows: groups follow one another in the ranks' order, or are one where the balance is counted over all ranks. One collective for all
/// layers; a null group changes nothing.
void gatherRouting(std::vector<RoutedLayer>& routed, AuxiliaryLossGroup balance, Group* batch);

}  // namespace switchyard
