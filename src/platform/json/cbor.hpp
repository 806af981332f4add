#pragma once
// CBOR (RFC 8949) from small devices, as JSON text.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pulse::json {

/// The JSON text of CBOR bytes; nothing when they are no CBOR, hold what JSON can't say (byte
/// strings, tags, texts that are no UTF-8), are nested too deep, or have more than `most` bytes.
/// Numbers that are not finite become null.
std::optional<std::string> from_cbor(std::string_view bytes, std::size_t most = 64 * 1024);

}  // namespace pulse::json
