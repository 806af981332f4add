#pragma once
// JSON text as PostgreSQL takes it.
#include <string>

namespace pulse::json {

/// JSON text without \u0000, which jsonb refuses; each becomes \ufffd.
std::string fit_for_jsonb(std::string json);

}  // namespace pulse::json
