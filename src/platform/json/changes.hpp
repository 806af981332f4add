#pragma once
// What a change did, for the audit log: {"before": {...}, "after": {...}} of what differs.
#include <boost/json.hpp>
#include <string_view>

#include "platform/json/write.hpp"

namespace pulse::json {

/// The members that differ, as they were and as they are. A text too long to be read in a list (a
/// picture) is told by its length; of settings objects, members with the names of secrets (a
/// password, a token, a key) are told as "***".
boost::json::object changes_between(const boost::json::object& was, const boost::json::object& is);

/// Adds a member to what `changes_between` gave, when it differs.
void add_change(boost::json::object& changes, std::string_view member, boost::json::value was,
                boost::json::value is);

/// The same of two states of a described struct, `passed_over` left out.
template <class T>
boost::json::object changes_of(const T& before, const T& after,
                               std::string_view passed_over = "updated_at") {
  auto was = boost::json::parse(to_text(before)).as_object();
  auto is = boost::json::parse(to_text(after)).as_object();
  was.erase(passed_over);
  is.erase(passed_over);
  return changes_between(was, is);
}

}  // namespace pulse::json
