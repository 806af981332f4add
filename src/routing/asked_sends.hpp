#pragma once
// Sends that somebody waits for at a page: samples and replays.
#include "routing/routes.hpp"

namespace pulse::routing {

/// Sends one message by the route as it is, the way the delivery does. Waits up to five seconds for
/// its turn among those of other tenants; then Sent::ours is set, and the message was not tried.
/// Throws crypto::Error when no key opens the route's secrets.
Task<Sent> send_asked(RoutingDeps d, StoredRoute route, OutgoingMessage message);

}  // namespace pulse::routing
