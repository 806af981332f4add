#include "alerting/rule_bodies.hpp"

#include "platform/json/write.hpp"

namespace pulse::alerting {

void read(const boost::json::value& v, ConditionsBody& out, json::Loc& loc, Faults& faults) {
  if (v.is_array()) {
    json::read(v, out.list, loc, faults);
    if (out.list.size() > 10)
      json::fault(faults, loc, "must have at most 10 items", "array_length");
  } else if (v.is_object()) {
    RuleConditions older;
    json::read(v, older, loc, faults);
    out.list = std::move(older.conditions);
    out.combinator = std::move(older.combinator);
  } else {
    json::fault(faults, loc, "must be a list of conditions", "array_type");
  }
}

void write(std::string& out, const ConditionsBody& v) { json::write(out, v.list); }

}  // namespace pulse::alerting
