#pragma once
// `pulse serve`: the roles of one process from start to graceful stop.
#include <string>

#include "platform/config.hpp"

namespace pulse::gateway {

/// Serves until SIGINT or SIGTERM. Returns the exit code. Throws ConfigError and
/// boost::system::system_error for what can't be had at start.
int serve(const Config& config, const std::string& version);

/// Prints the OpenAPI document of everything this binary can serve. Needs no server.
int print_openapi(const Config& config, const std::string& version);

}  // namespace pulse::gateway
