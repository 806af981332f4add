#pragma once
// What a change did, for the audit log: {"before": {...}, "after": {...}} of what differs.
#include <boost/json.hpp>
#include <string_view>

#include "platform/json/write.hpp"

namespace pulse::operations {

/// The members that differ between two states of the same thing, as they were and as they are.
template <class T>
boost::json::object changes_of(const T& before, const T& after,
                               std::string_view passed_over = "updated_at") {
  const auto was = boost::json::parse(json::to_text(before)).as_object();
  const auto is = boost::json::parse(json::to_text(after)).as_object();
  boost::json::object old_members, new_members;
  for (const auto& [key, value] : is) {
    const auto* old = was.if_contains(key);
    if (key == passed_over || (old && *old == value)) continue;
    old_members[key] = old ? *old : boost::json::value(nullptr);
    new_members[key] = value;
  }
  return {{"before", std::move(old_members)}, {"after", std::move(new_members)}};
}

}  // namespace pulse::operations
