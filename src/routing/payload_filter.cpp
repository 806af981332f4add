#include "routing/payload_filter.hpp"

#include <algorithm>

#include "platform/json/write.hpp"

namespace pulse::routing {

namespace {

constexpr std::size_t most_fields = 20;

const boost::json::value* find(const boost::json::value& payload, std::string_view field) {
  const auto* o = payload.if_object();
  if (!o) return nullptr;
  if (const auto* metrics = o->if_contains("metrics"); metrics && metrics->is_object())
    if (const auto* found = metrics->get_object().if_contains(field)) return found;
  return o->if_contains(field);
}

bool is_scalar(const boost::json::value& v) { return !v.is_object() && !v.is_array(); }

/// Numbers by their value, whatever they are written like.
bool equal(const boost::json::value& a, const boost::json::value& b) {
  if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
  return a == b;
}

}  // namespace

bool PayloadFilter::read(std::string_view word, Compare& out) {
  static constexpr std::pair<std::string_view, Compare> words[] = {
      {"$eq", Compare::eq},   {"$ne", Compare::ne}, {"$gt", Compare::gt},
      {"$gte", Compare::gte}, {"$lt", Compare::lt}, {"$lte", Compare::lte}};
  const auto at = std::find_if(std::begin(words), std::end(words),
                               [&](const auto& entry) { return entry.first == word; });
  if (at == std::end(words)) return false;
  out = at->second;
  return true;
}

std::string fault_of_payload_filter(const boost::json::object& filter) {
  if (filter.size() > most_fields)
    return "must name at most " + std::to_string(most_fields) + " fields";
  for (const auto& [field, wanted] : filter) {
    const std::string name(field);
    if (is_scalar(wanted)) continue;
    if (wanted.is_array() || wanted.get_object().empty())
      return name + ": must be a value, or conditions like {\"$gt\": 5}";
    for (const auto& [word, operand] : wanted.get_object()) {
      PayloadFilter::Compare compare{};
      if (!PayloadFilter::read(word, compare))
        return name + ": '" + std::string(word) + "' is none of $eq, $ne, $gt, $gte, $lt, $lte";
      if (!is_scalar(operand)) return name + ": " + std::string(word) + " needs a single value";
      const bool order =
          compare != PayloadFilter::Compare::eq && compare != PayloadFilter::Compare::ne;
      if (order && !operand.is_number()) return name + ": " + std::string(word) + " needs a number";
    }
  }
  return {};
}

PayloadFilter::PayloadFilter(const boost::json::object& filter) {
  for (const auto& [field, wanted] : filter) {
    Condition c;
    c.field = std::string(field);
    if (const auto* conditions = wanted.if_object()) {
      for (const auto& [word, operand] : *conditions) {
        if (!read(word, c.compare)) continue;
        c.value = operand;
        conditions_.push_back(c);
      }
    } else {
      c.value = wanted;
      conditions_.push_back(std::move(c));
    }
  }
}

bool PayloadFilter::Condition::holds(const boost::json::value* found) const {
  if (!found) return false;
  if (compare == Compare::eq) return equal(*found, value);
  if (compare == Compare::ne) return !equal(*found, value);
  if (!found->is_number()) return false;
  const auto a = found->to_number<double>(), b = value.to_number<double>();
  if (compare == Compare::gt) return a > b;
  if (compare == Compare::gte) return a >= b;
  if (compare == Compare::lt) return a < b;
  return a <= b;
}

bool PayloadFilter::matches(const boost::json::value& payload) const {
  return std::all_of(conditions_.begin(), conditions_.end(),
                     [&](const Condition& c) { return c.holds(find(payload, c.field)); });
}

std::vector<std::string> PayloadFilter::why_not(const boost::json::value& payload) const {
  static constexpr const char* words[] = {"equal to", "other than", "greater than",
                                          "at least", "less than",  "at most"};
  std::vector<std::string> out;
  for (const auto& c : conditions_) {
    const auto* found = find(payload, c.field);
    if (c.holds(found)) continue;
    if (!found) {
      out.push_back("The payload has no '" + c.field + "'");
      continue;
    }
    out.push_back("'" + c.field + "' is " + json::to_text(*found) + "; the filter asks for " +
                  words[static_cast<int>(c.compare)] + " " + json::to_text(c.value));
  }
  return out;
}

}  // namespace pulse::routing
