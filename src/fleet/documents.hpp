#pragma once
// JSON documents that people and devices hand in: bounds, comparison, RFC 7396.
#include <boost/json.hpp>
#include <string>

namespace pulse::fleet {

/// Most bytes of a twin's side or of a command's parameters: what fits into one MQTT message of a
/// small device.
inline constexpr std::size_t document_bytes_max = 16 * 1024;

/// The document as text, fit for jsonb. Throws HttpError 413 when it is too long ("{name} must have
/// at most 16384 bytes of JSON"), ValidationError for a text that no database takes.
std::string checked_document(const boost::json::object& document, const std::string& name);

/// Whether two values mean the same: numbers by their value, 21 and 21.0 alike.
bool same_value(const boost::json::value& a, const boost::json::value& b);

/// Changes `target` by a merge patch (RFC 7396, section 2).
void merge_patch(boost::json::object& target, const boost::json::object& patch);

/// Reported against desired, by members.
struct DocumentDelta {
  boost::json::object added;    ///< desired, not reported
  boost::json::object removed;  ///< reported, not desired
  boost::json::object changed;  ///< {member: {old_value, new_value}}: reported, desired
  boost::json::object wanted;   ///< added, and changed by what is desired
  std::int64_t unchanged = 0;
  bool empty() const { return added.empty() && removed.empty() && changed.empty(); }
};
DocumentDelta delta_of(const boost::json::object& desired, const boost::json::object& reported);

}  // namespace pulse::fleet
