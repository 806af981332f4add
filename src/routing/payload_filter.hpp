#pragma once
// What a payload must hold for a route to take it: `{field: value}`, or `{field: {$gt: 5}}`. No I/O
// here.
#include <boost/json.hpp>
#include <string>
#include <vector>

namespace pulse::routing {

/// What is wrong with a payload filter, or nothing.
std::string fault_of_payload_filter(const boost::json::object& filter);

/// All conditions must hold. A field is looked for in the payload's `metrics`, then in the payload
/// itself; one that is not there matches nothing.
class PayloadFilter {
 public:
  PayloadFilter() = default;  ///< takes everything
  /// Of a filter without faults.
  explicit PayloadFilter(const boost::json::object& filter);
  bool matches(const boost::json::value& payload) const;
  /// Why not, in words, a line for each condition that does not hold.
  std::vector<std::string> why_not(const boost::json::value& payload) const;

 private:
  enum class Compare { eq, ne, gt, gte, lt, lte };
  struct Condition {
    std::string field;
    Compare compare = Compare::eq;
    boost::json::value value;
    bool holds(const boost::json::value* found) const;
  };
  static bool read(std::string_view word, Compare& out);
  friend std::string fault_of_payload_filter(const boost::json::object& filter);
  std::vector<Condition> conditions_;
};

}  // namespace pulse::routing
