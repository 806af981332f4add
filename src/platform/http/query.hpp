#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulse::http {

/// The pairs of a query string or form body ("a=1&b=x+y"), percent-decoded, in order. A name
/// without
/// "=" has the empty value; a pair with a malformed escape is left out.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text);

}  // namespace pulse::http
