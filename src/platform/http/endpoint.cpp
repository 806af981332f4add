#include "platform/http/endpoint.hpp"

#include <cmath>

namespace pulse::http {

void read_text(std::string_view text, std::string& out, json::Loc& loc, Faults& faults) {
  if (text.find('\0') != std::string_view::npos)
    return json::fault(faults, loc, "must not contain the NUL character", "string_value");
  // What is not UTF-8 can't be looked up in a UTF-8 database either.
  if (!json::is_text(text)) return json::fault(faults, loc, "must be valid UTF-8", "string_value");
  out = std::string(text);
}

void read_text(std::string_view text, bool& out, json::Loc& loc, Faults& faults) {
  if (text == "true" || text == "1")
    out = true;
  else if (text == "false" || text == "0")
    out = false;
  else
    json::fault(faults, loc, "must be true or false", "bool_type");
}

void read_text(std::string_view text, double& out, json::Loc& loc, Faults& faults) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || end != text.data() + text.size() || text.empty() || !std::isfinite(out))
    json::fault(faults, loc, "must be a finite number", "float_type");
}

void read_text(std::string_view text, Time& out, json::Loc& loc, Faults& faults) {
  if (const auto t = parse_iso8601(text))
    out = *t;
  else
    json::fault(faults, loc, "must be an ISO 8601 date-time, e.g. 2026-01-31T12:00:00Z",
                "datetime_type");
}

void require_json(const Request& r) {
  std::string_view type = r.headers.get("Content-Type");
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  if (type.empty() || iequals(type, "application/json") ||
      (type.size() > 5 && iequals(type.substr(type.size() - 5), "+json")))
    return;
  throw HttpError(415, "Content-Type must be application/json");
}

}  // namespace pulse::http
