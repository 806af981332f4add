#pragma once
// `pulse admin`: tenants, users, devices and the demo from the command line.
#include <string>
#include <vector>

#include "platform/config.hpp"

namespace pulse::gateway {

/// Runs one command. Throws std::invalid_argument naming the flag that is wrong or missing.
int admin(const Config& config, const std::vector<std::string>& args);
std::string admin_usage();

/// `pulse doctor`: checks configuration and every dependency; says what is wrong and how to mend
/// it. 0 when all is well.
int doctor(const Config& config);

}  // namespace pulse::gateway
