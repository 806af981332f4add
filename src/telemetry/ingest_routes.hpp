#pragma once
// Accepted messages for the routes that take them.
#include <vector>

#include "routing/queue.hpp"
#include "telemetry/ingest_judge.hpp"

namespace pulse::telemetry {

/// Of messages [from, to). `stream` tells the streams apart in the messages' ids. Nearly nothing is
/// done for tenants without routes. Where more routes take a message than may, the newest of them
/// are counted in Routed::over, and logged.
routing::Routed routed_messages(const routing::RouteBook& routes,
                                const std::vector<JudgedMessage>& messages, std::size_t from,
                                std::size_t to, std::string_view stream);

}  // namespace pulse::telemetry
