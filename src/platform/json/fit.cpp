#include "platform/json/fit.hpp"

namespace pulse::json {

std::string fit_for_jsonb(std::string json) {
  for (std::size_t i = 0; i + 1 < json.size(); ++i) {
    if (json[i] != '\\') continue;
    if (json.compare(i, 6, "\\u0000") == 0) json.replace(i, 6, "\\ufffd");
    ++i;  // the escaped character can't start an escape
  }
  return json;
}

}  // namespace pulse::json
