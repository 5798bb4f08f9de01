// Which experts a pass sent its tokens to, brought to the host.
#pragma once

#include <vector>

#include "../model/router.h"
#include "request.h"

namespace switchyard {

/// What one token was sent to by one layer: expert e it was kept by as e, and expert e that had no room for it as -1 - e, the
/// first choice first. Empty for padding.
using Sent = std::vector<std::int32_t>;

/// [layer][token] of a pass's sparse layers, read back at once.
std::vector<std::vector<Sent>> sentTo(const std::vector<RoutedLayer>& routed);

/// The next token of a layer's routing.
void addToken(TokenRouting& layer, const Sent& sent);
/// All tokens of a pass over one sequence.
std::vector<TokenRouting> routingOf(const std::vector<RoutedLayer>& routed);

}  // namespace switchyard
