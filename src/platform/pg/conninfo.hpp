#pragma once
#include <string>
#include <string_view>

namespace pulse::pg {

/// A value for a libpq connection string: "host=" + conninfo_value(host) (PostgreSQL manual,
/// 34.1.1.1).
std::string conninfo_value(std::string_view value);

}  // namespace pulse::pg
