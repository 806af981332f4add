#pragma once
// A JSON body that may be left out.
#include <optional>
#include <string>

#include "platform/http/endpoint.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

/// The body as a described struct; nothing when there is none, or it is null.
template <class T>
struct OptionalBody {
  std::optional<T> value;
};

/// Whom a row names as its maker.
inline std::string creator_of(const tenancy::Caller& who) {
  return who.email.empty() ? who.username.empty() ? who.user_id : who.username : who.email;
}

}  // namespace pulse::fleet

namespace pulse::http {
template <class T>
struct Extract<fleet::OptionalBody<T>> {
  static fleet::OptionalBody<T> from(Request& r, Faults& faults) {
    fleet::OptionalBody<T> out;
    if (r.body.empty()) return out;
    require_json(r);
    json::Loc loc{"body"};
    try {
      json::read(json::parse_text(r.body), out.value, loc, faults);
    } catch (const ValidationError& e) {
      faults.insert(faults.end(), e.faults.begin(), e.faults.end());
    }
    return out;
  }
  static void describe(OperationDoc& doc) {
    auto schema = json::nullable(json::schema<T>(*doc.components));
    doc.request_body = boost::json::object{
        {"required", false}, {"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
  }
};
}  // namespace pulse::http
